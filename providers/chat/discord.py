"""Discord: words into a channel, over the webhook address that it gave out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import orjson

from providers.base import Capabilities, Message, Outcome, Provider, Reason, WithoutReceipts, accepted
from providers.chat import hook
from providers.errors import Permanent, ProviderError
from providers.http import MAX_WAIT, Answer
from providers.verdicts import Verdict, failed, of_status

HOST = re.compile(r"((ptb|canary)\.)?discord(app)?\.com")
PATH = re.compile(r"/api(/v\d+)?/webhooks/\d+/[\w-]+", re.ASCII)
LIKE = "https://discord.com/api/webhooks/…/…"
# Discord bans an address that goes on using webhooks it was told are gone, with everybody who sends from there.
_GONE: Verdict = (Permanent, Reason.INVALID_ADDRESS)
_CONTENT: Verdict = (Permanent, Reason.CONTENT_REFUSED)
# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
CODES: dict[int, Verdict] = {
    10003: _GONE,  # unknown channel
    10015: _GONE,  # unknown webhook
    50027: _GONE,  # invalid webhook token
    50006: _CONTENT,  # empty message
    50035: _CONTENT,  # invalid form body: too long, mostly
    200000: _CONTENT,  # blocked by the server's moderation
}
STATUSES: dict[int, Verdict] = {
    400: _CONTENT,
    401: _GONE,
    403: (Permanent, Reason.BLOCKED),
    404: _GONE,
    413: _CONTENT,
}


class Posted(msgspec.Struct):
    id: str


class Refusal(msgspec.Struct):
    message: str
    code: int = 0
    retry_after: float = 0.0


class Discord(WithoutReceipts, Provider):
    key = "discord"
    channel = "chat"
    title = "Discord"
    capabilities = Capabilities(concurrency=8)

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        url = hook.address(message.address, host=HOST, path=PATH, like=LIKE)
        answer = await self.net.request(
            "POST",
            str(url.update_query(wait="true")),  # without it Discord says nothing of a message that it did not keep
            body=orjson.dumps({"content": message.content["text"], "allowed_mentions": {"parse": []}}),
            headers={"Content-Type": "application/json"},
            timeout=8.0,
            secret_path=True,
        )
        posted = answer.read(Posted) if answer.status == 200 else None
        if posted and posted.id:
            return [accepted(message, posted.id, **answer.summary)]
        raise self._failure(answer)

    def _failure(self, answer: Answer) -> ProviderError:
        refusal = answer.read(Refusal) if not answer.ok else None
        if refusal is None:
            said = f"Discord answered {answer.status} with what is not its answer"
            return failed(of_status(answer.status), answer, said, now=self.now())
        verdict = CODES.get(refusal.code) or STATUSES.get(answer.status) or of_status(answer.status)
        wait = min(max(refusal.retry_after, 0.0), MAX_WAIT)
        return failed(verdict, answer, f"Discord said {refusal.code}", now=self.now(), at_least=wait)
