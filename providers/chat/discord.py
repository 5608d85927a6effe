"""Discord: words into a channel, over the webhook address that it gave out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import orjson

from providers.base import Capabilities, Message, Outcome, Provider, WithoutReceipts, accepted
from providers.chat import hook
from providers.errors import ProviderError
from providers.http import MAX_WAIT, Answer
from providers.refusals import BLOCKED, CONTENT, NOBODY, Refusal, failed

HOST = re.compile(r"((ptb|canary)\.)?discord(app)?\.com")
PATH = re.compile(r"/api(/v\d+)?/webhooks/\d+/[\w-]+", re.ASCII)
LIKE = "https://discord.com/api/webhooks/…/…"
# Who goes on using webhooks that are gone is banned, with everybody who sends from the same IP address.
# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
CODES: dict[int, Refusal] = {
    10003: NOBODY,  # unknown channel
    10015: NOBODY,  # unknown webhook
    50027: NOBODY,  # invalid webhook token
    50006: CONTENT,  # empty message
    50035: CONTENT,  # invalid form body: too long, mostly
    200000: CONTENT,  # blocked by the server's moderation
}
STATUSES: dict[int, Refusal] = {
    400: CONTENT,
    401: NOBODY,
    403: BLOCKED,
    404: NOBODY,
    413: CONTENT,
}


class Posted(msgspec.Struct):
    id: str


class Refused(msgspec.Struct):
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
        refused = answer.read(Refused) if not answer.ok else None
        if refused is None:
            said = f"Discord answered {answer.status} with what is not its answer"
            return failed(hook.of_status(answer.status), answer, said, now=self.now())
        meaning = CODES.get(refused.code) or STATUSES.get(answer.status) or hook.of_status(answer.status)
        wait = min(max(refused.retry_after, 0.0), MAX_WAIT)
        return failed(meaning, answer, f"Discord said {refused.code}", now=self.now(), at_least=wait)
