"""Slack: words into a channel, over the incoming-webhook address that it gave out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from providers.base import Capabilities, Message, Outcome, Provider, Reason, WithoutReceipts, accepted
from providers.chat import hook
from providers.errors import Permanent
from providers.http import Answer
from providers.refusals import BLOCKED, CONTENT, LATER, NOBODY, Refusal, failed

HOST = re.compile(r"hooks\.slack(-gov)?\.com")
PATH = re.compile(r"/services/[A-Za-z0-9]+/[A-Za-z0-9]+/[A-Za-z0-9]+")
LIKE = "https://hooks.slack.com/services/T…/B…/…"
# The address belongs to one room: when it is of no more use, the account's other rooms are as good as before.
# https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks, and what Slack has added since.
WORDS: dict[str, Refusal] = {
    "invalid_payload": CONTENT,
    "no_text": CONTENT,
    "user_not_found": CONTENT,
    "action_prohibited": BLOCKED,
    "posting_to_general_channel_denied": BLOCKED,
    "channel_is_archived": BLOCKED,
    "channel_not_found": NOBODY,
    "no_service": NOBODY,
    "no_service_id": NOBODY,
    "no_team": NOBODY,
    "invalid_token": NOBODY,
    "rollup_error": LATER,
}
LONGEST = 40_000  # characters; Slack cuts off the rest without a word
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Slack(WithoutReceipts, Provider):
    key = "slack"
    channel = "chat"
    title = "Slack"
    capabilities = Capabilities(concurrency=8)  # a room takes one message a second

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        url = hook.address(message.address, host=HOST, path=PATH, like=LIKE)
        # Slack's commands, <!channel> and <@somebody>, are all in angle brackets.
        text = message.content["text"].translate(ESCAPES)
        if len(text) > LONGEST:
            raise Permanent(Reason.UNSUPPORTED, f"Slack shows {LONGEST} characters of a message, not {len(text)}")
        answer = await self.net.request(
            "POST",
            str(url),
            body=orjson.dumps({"text": text, "link_names": False}),
            headers={"Content-Type": "application/json"},
            timeout=8.0,
            secret_path=True,
        )
        word = _word(answer)
        if answer.status == 200 and word == "ok":
            return [accepted(message, **answer.summary)]
        meaning = (WORDS.get(word) if not answer.ok else None) or hook.of_status(answer.status)
        raise failed(meaning, answer, f"Slack answered {answer.status} {word}".strip(), now=self.now())


def _word(answer: Answer) -> str:
    """Slack answers with one plain word; anything else is not its answer."""
    text = answer.body.strip()
    return text.decode() if re.fullmatch(rb"[a-z_]{2,60}", text) else ""
