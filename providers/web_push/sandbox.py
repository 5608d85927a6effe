"""Web push that goes nowhere: the last part of the subscription's endpoint decides."""

from __future__ import annotations

import json

from providers.sandbox import Sandbox
from providers.sandbox_magic import path_word
from providers.web_push import example


class WebPushSandbox(Sandbox):
    key = "sandbox"
    channel = "web_push"
    title = "Sandbox"

    @staticmethod
    def word(address: str) -> str:
        return path_word(json.loads(address)["endpoint"])

    @staticmethod
    def address_for(word: str) -> str:
        return example(word)
