"""Push that goes nowhere: the beginning of the token decides."""

from __future__ import annotations

from providers.sandbox import Sandbox
from providers.sandbox_magic import leading_word


class PushSandbox(Sandbox):
    key = "sandbox"
    channel = "push"
    title = "Sandbox"
    word = staticmethod(leading_word)

    @staticmethod
    def address_for(word: str) -> str:
        return f"{word}-token"
