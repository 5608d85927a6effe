"""Webhooks that go nowhere: the last part of the address decides."""

from __future__ import annotations

from providers.sandbox import Sandbox
from providers.sandbox_magic import path_word


class WebhookSandbox(Sandbox):
    key = "sandbox"
    channel = "webhook"
    title = "Sandbox"
    word = staticmethod(path_word)

    @staticmethod
    def address_for(word: str) -> str:
        return f"https://shop.example.com/{word}"
