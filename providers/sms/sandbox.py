"""SMS that goes nowhere: the last digits of a fictitious number decide."""

from __future__ import annotations

from providers.sandbox import Sandbox
from providers.sandbox_magic import MAGIC, number_word


class SmsSandbox(Sandbox):
    key = "sandbox"
    channel = "sms"
    title = "Sandbox"
    word = staticmethod(number_word)

    @staticmethod
    def address_for(word: str) -> str:
        return f"+120255501{MAGIC[word].number:02}"
