"""Postmark: its batch endpoint, up to 500 messages per call, each with content and answer of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import Field, SecretStr

from providers import reading
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
from providers.email.sending import (
    FromAddress,
    FromName,
    in_calls,
    parts_of,
    portions,
    sender_of,
    time_left,
    unsubscribe_headers,
)
from providers.errors import Ambiguous, BadSignature, ProviderError
from providers.http import Answer
from providers.redact import redact
from providers.refusals import ACCOUNT, CONTENT, CREDENTIALS, LATER, NOBODY, SLOWER, UNCLEAR, Refusal, failed, refusal

API = "https://api.postmarkapp.com/email/batch"
BATCH_BYTES = 45_000_000  # Postmark takes 50 MB
MOST = 1_000_000  # bytes of an answer: 500 items, some with a long reason
# https://postmarkapp.com/developer/api/overview#error-codes
CODES: dict[str, Refusal] = {
    "10": CREDENTIALS,
    "100": LATER,  # maintenance
    "300": CONTENT,
    "400": ACCOUNT,  # the sender signature is not there, not confirmed, or may not send
    "401": ACCOUNT,
    "405": ACCOUNT,  # no credits
    "406": NOBODY,  # bounced before, or complained: Postmark keeps a list
    "410": CONTENT,
    "412": ACCOUNT,  # awaits approval
    "413": ACCOUNT,
    "429": SLOWER,
}
REFUSED = {401: CREDENTIALS, 403: CREDENTIALS, 404: ACCOUNT, 405: ACCOUNT, 413: CONTENT, 422: CONTENT}
KINDS = {
    "Delivery": ReceiptKind.DELIVERED,
    "Bounce": ReceiptKind.BOUNCED,
    "SpamComplaint": ReceiptKind.COMPLAINED,
    "Open": ReceiptKind.OPENED,
    "Click": ReceiptKind.CLICKED,
}
#: A bounce's `Type`, where it is more than "will not arrive": what it is, why, and whether the address is dead.
TYPES = {
    "HardBounce": (ReceiptKind.BOUNCED, Reason.INVALID_ADDRESS, True),
    "BadEmailAddress": (ReceiptKind.BOUNCED, Reason.INVALID_ADDRESS, True),
    "SpamNotification": (ReceiptKind.COMPLAINED, "", False),
    "SpamComplaint": (ReceiptKind.COMPLAINED, "", False),
    "Unsubscribe": (ReceiptKind.UNSUBSCRIBED, "", False),
    "Blocked": (ReceiptKind.BOUNCED, Reason.BLOCKED, False),
    "DMARCPolicy": (ReceiptKind.BOUNCED, Reason.BLOCKED, False),
    "ManuallyDeactivated": (ReceiptKind.BOUNCED, Reason.BLOCKED, False),
    "VirusNotification": (ReceiptKind.BOUNCED, Reason.CONTENT_REFUSED, False),
    "Transient": (ReceiptKind.UNKNOWN, Reason.UNREACHABLE, False),  # Postmark goes on trying
    "DnsError": (ReceiptKind.UNKNOWN, Reason.UNREACHABLE, False),
    "AutoResponder": (ReceiptKind.UNKNOWN, "", False),  # it arrived, and somebody is on holiday
    "AddressChange": (ReceiptKind.UNKNOWN, "", False),
    "ChallengeVerification": (ReceiptKind.UNKNOWN, "", False),
    "OpenRelayTest": (ReceiptKind.UNKNOWN, "", False),
    "Unknown": (ReceiptKind.UNKNOWN, "", False),
}
TIMES = ("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt")


class Postmark(Provider):
    key = "postmark"
    channel = "email"
    title = "Postmark"
    capabilities = Capabilities(max_batch=500, concurrency=16, timeout=30.0, receipts=True, echoes_delivery_id=True)

    class Config(ProviderConfig):
        server_token: ApiKey = Field(
            description="The server's API token.", examples=["9a4c1e1b-7d5e-4b4e-9d3b-000000000000"]
        )
        message_stream: str = Field("", description="The stream to send through; Postmark's own choice when empty.")
        webhook_username: str = Field("", description="User name in the webhook's address.")
        webhook_password: SecretStr = Field(
            SecretStr(""), description="Password in the webhook's address; without it no receipts are taken."
        )
        from_address: FromAddress = ""
        from_name: FromName = ""

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        items = [orjson.dumps(self._item(message)) for message in batch]
        cuts = portions([len(item) for item in items], BATCH_BYTES)
        calls = [(list(batch[cut]), b"[" + b",".join(items[cut]) + b"]") for cut in cuts]
        return await in_calls(calls, self._call, within=self.capabilities.timeout)

    def _item(self, message: Message) -> dict[str, Any]:
        sender, parts = sender_of(self.config, message), parts_of(message)
        headers = unsubscribe_headers(message)
        item = {
            "From": str(mime.address(sender.address, sender.name)),
            "To": message.address,
            "ReplyTo": sender.reply_to,
            "Subject": mime.line(message.content["subject"]),
            "HtmlBody": parts.get("html"),
            "TextBody": parts.get("text"),
            "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
            "Metadata": {"delivery_id": str(message.delivery_id)},
            "MessageStream": self.config.message_stream,
        }
        return {key: value for key, value in item.items() if value}

    async def _call(self, messages: list[Message], body: bytes, until: float) -> list[Outcome]:
        headers = {
            "X-Postmark-Server-Token": self.config.server_token.get_secret_value(),
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        answer = await self.net.request("POST", API, body=body, headers=headers, timeout=time_left(until), most=MOST)
        if answer.status != 200:
            raise self._failure(answer)
        items = answer.json()
        if not isinstance(items, list) or len(items) != len(messages):
            raise Ambiguous(Reason.UNEXPECTED_ANSWER, "the answer is not one item per message", **answer.summary)
        return [_outcome(message, item, answer) for message, item in zip(messages, items, strict=True)]

    def _failure(self, answer: Answer) -> ProviderError:
        """A whole call that failed may say why by a code of its own."""
        if answer.status >= 500:
            return failed(LATER, answer, f"Postmark answered {answer.status}", now=self.now())
        code = reading.dig(reading.loose(answer.body), "ErrorCode")
        given = str(code) if type(code) is int else ""
        return refusal(answer, self.now(), code=given, codes=CODES, statuses=REFUSED)

    @classmethod
    def verify(cls, config: Any, request: ReceiptRequest) -> None:
        """Postmark signs nothing: what its webhook's address carries is all that proves it."""
        password = config.webhook_password.get_secret_value()
        if not password:
            raise BadSignature("the account has no webhook password")
        wanted = base64.b64encode(f"{config.webhook_username}:{password}".encode())
        scheme, _, given = request.header("Authorization").partition(" ")
        if scheme.lower() != "basic" or not hmac.compare_digest(wanted, given.strip().encode()):
            raise BadSignature("the user name or the password is wrong")

    @classmethod
    def parse_receipts(cls, config: Any, request: ReceiptRequest) -> list[Receipt]:  # noqa: ARG003
        event = reading.mapping(reading.body(request.body))
        kind, reason, permanent = _meaning(event)
        at = next((event[name] for name in TIMES if event.get(name)), None)
        return [
            Receipt(
                # It repeats a post as it was, and gives only bounces an id.
                event_id=hashlib.sha256(request.body).hexdigest(),
                kind=kind,
                at=reading.moment(at, request.received_at),
                delivery_id=reading.delivery_id(reading.dig(event, "Metadata", "delivery_id")),
                vendor_id=reading.text(event.get("MessageID")),
                reason=reason,
                permanent=permanent,
                raw=event,
            )
        ]


def _outcome(message: Message, item: Any, answer: Answer) -> Outcome:
    code, said = reading.dig(item, "ErrorCode"), reading.text(reading.dig(item, "Message"))
    vendor_id = reading.text(reading.dig(item, "MessageID"))
    detail = {**answer.summary, "answer": redact(said)}
    # While Postmark is in trouble it leaves the code out, and has taken the message all the same.
    if vendor_id and code in (None, 0):
        return accepted(message, vendor_id, **detail)
    clear = type(code) is int and code > 0
    kind, reason = CODES.get(str(code), CONTENT) if clear else UNCLEAR
    return kind(reason, f"Postmark's code {code}", **detail).outcome(message)


def _meaning(event: Mapping[str, Any]) -> tuple[ReceiptKind, str, bool]:
    word = reading.text(event.get("RecordType"))
    if word == "SubscriptionChange":
        cause = reading.text(event.get("SuppressionReason"))
        if not event.get("SuppressSending", True):
            return ReceiptKind.UNKNOWN, "", False  # taken off the list again
        return TYPES.get(cause, (ReceiptKind.UNSUBSCRIBED, "", False))
    kind = KINDS.get(word, ReceiptKind.UNKNOWN)
    if kind is ReceiptKind.BOUNCED:
        return TYPES.get(reading.text(event.get("Type")), (kind, Reason.UNREACHABLE, False))
    return kind, "", False
