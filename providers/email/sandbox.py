"""E-mail that goes nowhere: the part before the @ decides."""

from __future__ import annotations

from providers.sandbox import Sandbox
from providers.sandbox_magic import leading_word


class EmailSandbox(Sandbox):
    key = "sandbox"
    channel = "email"
    title = "Sandbox"
    word = staticmethod(leading_word)

    @staticmethod
    def address_for(word: str) -> str:
        return f"{word}@example.com"
