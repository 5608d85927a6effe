"""In-app messages that go nowhere: the beginning of the recipient's id decides."""

from __future__ import annotations

from providers.sandbox import Sandbox
from providers.sandbox_magic import leading_word


class InAppSandbox(Sandbox):
    key = "sandbox"
    channel = "in_app"
    title = "Sandbox"
    word = staticmethod(leading_word)

    @staticmethod
    def address_for(word: str) -> str:
        return word
