"""Resend: one call per message, each with an idempotency key, so that an unclear call may be repeated.

Its batch endpoint takes one key for the whole batch. Our repetitions are batched anew, so the key would not be the same
batch's, and its promise is worth more than fewer calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import Field, SecretStr, field_validator

from providers import reading, signing
from providers.base import (
    ApiKey,
    Capabilities,
    Message,
    Outcome,
    Provider,
    ProviderConfig,
    Reason,
    Receipt,
    ReceiptKind,
    ReceiptRequest,
    accepted,
)
from providers.email import mime
from providers.email.sending import FromAddress, FromName, parts_of, sender_of, unsubscribe_headers
from providers.errors import Ambiguous, BadSignature, ProviderError
from providers.http import Answer
from providers.refusals import (
    ACCOUNT,
    CONTENT,
    CREDENTIALS,
    GATEWAY,
    LATER,
    QUOTA_WAIT,
    UNCLEAR,
    Refusal,
    failed,
    refusal,
)

API = "https://api.resend.com/emails"
# By status, and by name where a status has several meanings: https://resend.com/docs/api-reference/errors
REFUSED: dict[int, Refusal] = {
    400: CONTENT,
    401: CREDENTIALS,
    403: ACCOUNT,
    404: ACCOUNT,
    405: ACCOUNT,
    # The key is known: an earlier attempt runs still, or was taken with other words.
    409: UNCLEAR,
    413: CONTENT,
    422: CONTENT,
}
NAMES: dict[str, Refusal] = {
    "invalid_api_key": CREDENTIALS,
    "restricted_api_key": CREDENTIALS,
    "missing_api_key": CREDENTIALS,
}
WAITS = dict.fromkeys(("daily_quota_exceeded", "monthly_quota_exceeded"), QUOTA_WAIT)
KINDS = {
    "email.sent": ReceiptKind.SENT,
    "email.delivered": ReceiptKind.DELIVERED,
    "email.bounced": ReceiptKind.BOUNCED,
    "email.suppressed": ReceiptKind.BOUNCED,
    "email.failed": ReceiptKind.BOUNCED,
    "email.complained": ReceiptKind.COMPLAINED,
    "email.opened": ReceiptKind.OPENED,
    "email.clicked": ReceiptKind.CLICKED,
}


class Resend(Provider):
    key = "resend"
    channel = "email"
    title = "Resend"
    capabilities = Capabilities(concurrency=8, timeout=20.0, receipts=True, echoes_delivery_id=True, idempotent=True)

    class Config(ProviderConfig):
        api_key: ApiKey = Field(description="A key that may send mail.", examples=["re_abc_def"])
        signing_secret: SecretStr = Field(
            SecretStr(""), description="The webhook's signing secret; without it no receipts are taken."
        )
        from_address: FromAddress = ""
        from_name: FromName = ""

        @field_validator("signing_secret")
        @classmethod
        def _a_secret(cls, value: SecretStr) -> SecretStr:
            if value.get_secret_value():
                signing.key_of(value.get_secret_value())
            return value

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        headers = {
            "Authorization": f"Bearer {self.config.api_key.get_secret_value()}",
            "Content-Type": "application/json",
            "Idempotency-Key": str(message.delivery_id),
        }
        answer = await self.net.request(
            "POST",
            API,
            body=orjson.dumps(self._payload(message)),
            headers=headers,
            timeout=self.capabilities.timeout - 2,
        )
        if answer.status != 200:
            raise self._failure(answer)
        vendor_id = reading.text(reading.dig(answer.json(), "id"))
        if not vendor_id:
            raise Ambiguous(Reason.UNEXPECTED_ANSWER, "the answer names no message", **answer.summary)
        return [accepted(message, vendor_id, **answer.summary)]

    def _payload(self, message: Message) -> dict[str, Any]:
        sender = sender_of(self.config, message)
        payload = {
            "from": str(mime.address(sender.address, sender.name)),
            "to": [message.address],
            "reply_to": [sender.reply_to] if sender.reply_to else None,
            "subject": mime.line(message.content["subject"]),
            **parts_of(message),
            "headers": unsubscribe_headers(message),
            "tags": [{"name": "delivery_id", "value": str(message.delivery_id)}],
        }
        return {key: value for key, value in payload.items() if value}

    def _failure(self, answer: Answer) -> ProviderError:
        name = reading.text(reading.dig(reading.loose(answer.body), "name"))
        if answer.status in GATEWAY:  # with the same key a second call is no second message
            return failed(LATER, answer, f"Resend answered {answer.status}", now=self.now())
        return refusal(answer, self.now(), code=name, codes=NAMES, statuses=REFUSED, waits=WAITS)

    @classmethod
    def verify(cls, config: Any, request: ReceiptRequest) -> None:
        secret = config.signing_secret.get_secret_value()
        if not secret:
            raise BadSignature("the account has no signing secret")
        signing.check([signing.key_of(secret)], request, named="svix")

    @classmethod
    def parse_receipts(cls, config: Any, request: ReceiptRequest) -> list[Receipt]:  # noqa: ARG003
        event = reading.mapping(reading.body(request.body))
        word, data = reading.text(event.get("type")), event.get("data")
        reason, permanent = _why(word, data)
        return [
            Receipt(
                event_id=request.header("svix-id"),  # the same when a post is repeated
                kind=KINDS.get(word, ReceiptKind.UNKNOWN),
                at=reading.moment(event.get("created_at"), request.received_at),
                delivery_id=reading.delivery_id(_tag(reading.dig(data, "tags"))),
                vendor_id=reading.text(reading.dig(data, "email_id")),
                reason=reason,
                permanent=permanent,
                raw=event,
            )
        ]


def _tag(tags: Any) -> Any:
    """Our id among the tags, which come as a mapping or as a list of names and values."""
    if isinstance(tags, list):
        return next((reading.dig(tag, "value") for tag in tags if reading.dig(tag, "name") == "delivery_id"), None)
    return reading.dig(tags, "delivery_id")


def _why(word: str, data: Any) -> tuple[str, bool]:
    if word == "email.bounced":
        dead = reading.dig(data, "bounce", "type") == "Permanent"
        return (Reason.INVALID_ADDRESS, True) if dead else (Reason.UNREACHABLE, False)
    if word == "email.suppressed":  # it bounced or complained before
        return Reason.BLOCKED, False
    if word == "email.failed":
        return Reason.VENDOR_ERROR, False
    return (Reason.UNREACHABLE, False) if word == "email.delivery_delayed" else ("", False)
