"""Microsoft Teams: words into a channel, over the address of a workflow that posts what it gets."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import orjson

from providers.base import Capabilities, Message, Outcome, Provider, Reason, WithoutReceipts, accepted
from providers.chat import hook
from providers.errors import Permanent, ProviderError
from providers.http import Answer
from providers.refusals import CONTENT, UNREACHABLE, Refusal, failed

# Power Automate's addresses since 2025, and those of before, which are Azure Logic Apps'.
HOST = re.compile(r"([a-z0-9-]+\.)+(environment\.api\.powerplatform\.com|logic\.azure\.com)")
PATH = re.compile(r"(/powerautomate/automations/direct)?/workflows/[\w-]+/triggers/[\w-]+/paths/invoke/?", re.ASCII)
LIKE = "https://….environment.api.powerplatform.com/powerautomate/automations/direct/workflows/…"
WORDS: dict[str, Refusal] = {
    "WorkflowTriggerIsNotEnabled": UNREACHABLE,  # its owner switched it off, and may switch it on again
}
STATUSES: dict[int, Refusal] = {
    400: CONTENT,
    401: UNREACHABLE,
    403: UNREACHABLE,
    404: UNREACHABLE,
    410: UNREACHABLE,
    413: CONTENT,
}
LARGEST = 28_672  # bytes of a message in Teams; the workflow would take more and fail where nobody sees it


class Fault(msgspec.Struct):
    code: str


class Refused(msgspec.Struct):
    error: Fault


class Teams(WithoutReceipts, Provider):
    key = "teams"
    channel = "chat"
    title = "Microsoft Teams"
    capabilities = Capabilities(concurrency=4)  # more than four requests a second are throttled

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        url = hook.address(message.address, host=HOST, path=PATH, like=LIKE)
        body = card(message.content["text"])
        if len(body) > LARGEST:
            raise Permanent(Reason.CONTENT_REFUSED, f"a Teams message may have {LARGEST} bytes, not {len(body)}")
        headers = {"Content-Type": "application/json", "x-ms-client-tracking-id": str(message.delivery_id)}
        answer = await self.net.request("POST", str(url), body=body, headers=headers, timeout=8.0, secret_path=True)
        if answer.status == 202:  # taken by the workflow, which posts it afterwards
            return [accepted(message, answer.headers.get("x-ms-workflow-run-id", ""), **answer.summary)]
        raise self._failure(answer)

    def _failure(self, answer: Answer) -> ProviderError:
        refused = answer.read(Refused) if not answer.ok else None
        if refused is None:
            said = f"the workflow answered {answer.status} with what is not its answer"
            return failed(hook.of_status(answer.status), answer, said, now=self.now())
        word = refused.error.code
        meaning = WORDS.get(word) or STATUSES.get(answer.status) or hook.of_status(answer.status)
        return failed(meaning, answer, f"the workflow answered {answer.status} {word[:80]}", now=self.now())


def card(text: str) -> bytes:
    """An adaptive card. A mention needs an entity beside its text, and there is none: nobody can be summoned."""
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": text, "wrap": True}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return orjson.dumps({"type": "message", "attachments": [attachment]})
