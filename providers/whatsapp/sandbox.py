"""WhatsApp that goes nowhere: the last digits of a fictitious number decide."""

from __future__ import annotations

from providers.sandbox import Sandbox
from providers.sandbox_magic import MAGIC, number_word


class WhatsAppSandbox(Sandbox):
    key = "sandbox"
    channel = "whatsapp"
    title = "Sandbox"
    word = staticmethod(number_word)

    @staticmethod
    def address_for(word: str) -> str:
        return f"+120255501{MAGIC[word].number:02}"
