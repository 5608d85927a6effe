"""SendGrid: the v3 mail API, up to 1 000 recipients per call, and its signed Event Webhook."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any, Literal

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import Field, field_validator

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
from providers.email import mime, skeleton
from providers.email.sending import (
    Call,
    FromAddress,
    FromName,
    grouped,
    in_calls,
    parts_of,
    sender_of,
    settled,
    time_left,
    unsubscribe_headers,
)
from providers.errors import BadSignature
from providers.http import Answer
from providers.refusals import ACCOUNT, CONTENT, CREDENTIALS, refusal

API = {"global": "https://api.sendgrid.com/v3/mail/send", "eu": "https://api.eu.sendgrid.com/v3/mail/send"}
SUBSTITUTIONS = 10_000  # bytes that may differ from one recipient of a call to the next
# SendGrid repeats a post for 24 hours, and does not say whether its time stays. A copied post brings nothing: every
# event has an id, and is stored once.
WINDOW = 90_000.0
REFUSED = {400: CONTENT, 401: CREDENTIALS, 403: ACCOUNT, 404: ACCOUNT, 405: ACCOUNT, 413: CONTENT}
KINDS = {
    "processed": ReceiptKind.SENT,
    "delivered": ReceiptKind.DELIVERED,
    "bounce": ReceiptKind.BOUNCED,
    "dropped": ReceiptKind.BOUNCED,
    "spamreport": ReceiptKind.COMPLAINED,
    "unsubscribe": ReceiptKind.UNSUBSCRIBED,
    "group_unsubscribe": ReceiptKind.UNSUBSCRIBED,
    "open": ReceiptKind.OPENED,
    "click": ReceiptKind.CLICKED,
}
#: `type` of a bounce, or `reason` of what SendGrid dropped itself: why, and whether the address is dead.
WHY = {
    "bounce": (Reason.INVALID_ADDRESS, True),
    "blocked": (Reason.BLOCKED, False),
    "expired": (Reason.UNREACHABLE, False),
    "bounced address": (Reason.INVALID_ADDRESS, True),
    "invalid": (Reason.INVALID_ADDRESS, True),
    "unsubscribed address": (Reason.BLOCKED, False),
    "spam reporting address": (Reason.BLOCKED, False),
    "spam content": (Reason.CONTENT_REFUSED, False),
}


class SendGrid(Provider):
    key = "sendgrid"
    channel = "email"
    title = "SendGrid"
    capabilities = Capabilities(max_batch=1_000, concurrency=16, timeout=30.0, receipts=True, echoes_delivery_id=True)

    class Config(ProviderConfig):
        api_key: ApiKey = Field(description="A key that may send mail.", examples=["SG.abc.def"])
        region: Literal["global", "eu"] = Field("global", description="`eu` for a subuser of the EU region.")
        verification_key: str = Field(
            "", description="The Event Webhook's public key; without it no receipts are taken."
        )
        from_address: FromAddress = ""
        from_name: FromName = ""

        @field_validator("verification_key")
        @classmethod
        def _a_key(cls, value: str) -> str:
            if value:
                _public_key(value)
            return value

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        calls = [call for group in grouped(batch, self._alike) for call in self._calls(group)]
        return await in_calls(calls, self._call, within=self.capabilities.timeout)

    def _alike(self, message: Message) -> Hashable:
        return sender_of(self.config, message), skeleton.shape(parts_of(message))

    def _calls(self, group: list[Message]) -> list[Call[dict[str, Any]]]:
        """One for all whose differences are small enough, one for each of the others."""
        contents = [parts_of(message) for message in group]
        if len(group) == 1:
            return [(group, self._payload(group, contents[0], [{}]))]
        mark = group[0].delivery_id.hex  # in nobody's text
        shared, values = skeleton.mailing(contents, lambda name: f"-{mark}.{name}-")
        values = [{f"-{mark}.{name}-": text for name, text in given.items()} for given in values]
        fits = [sum(len(k) + len(v.encode()) for k, v in given.items()) <= SUBSTITUTIONS for given in values]
        together = [message for message, fit in zip(group, fits, strict=True) if fit]
        calls = [call for message, fit in zip(group, fits, strict=True) if not fit for call in self._calls([message])]
        if together:
            given = [value for value, fit in zip(values, fits, strict=True) if fit]
            calls.append((together, self._payload(together, shared, given)))
        return calls

    def _payload(self, group: list[Message], parts: dict[str, str], values: skeleton.Values) -> dict[str, Any]:
        sender = sender_of(self.config, group[0])
        kinds = {"text": "text/plain", "html": "text/html"}  # in the order SendGrid wants
        payload: dict[str, Any] = {
            "from": _person(sender.address, sender.name),
            "personalizations": [_personalization(*each) for each in zip(group, values, strict=True)],
            "content": [{"type": kind, "value": parts[part]} for part, kind in kinds.items() if part in parts],
        }
        if sender.reply_to:
            payload["reply_to"] = _person(sender.reply_to)
        return payload

    async def _call(self, messages: list[Message], payload: dict[str, Any], until: float) -> list[Outcome]:
        answer = await self._post(payload, until)
        vendor_id = answer.headers.get("X-Message-Id", "")
        if answer.status == 202 and vendor_id:
            return [accepted(message, vendor_id, **answer.summary) for message in messages]
        why = refusal(answer, self.now(), statuses=REFUSED, theirs=bool(_errors(answer)))
        named = _named(answer)
        rest = [at for at in range(len(messages)) if at not in named] if named else []
        outcomes = [why.outcome(message) for at, message in enumerate(messages) if at not in rest]
        if not rest:
            return outcomes
        # Nothing was sent, because of those that are named: the others go without them.
        left = [messages[at] for at in rest]
        people = [payload["personalizations"][at] for at in rest]
        return outcomes + await settled(self._call, left, {**payload, "personalizations": people}, until)

    async def _post(self, payload: dict[str, Any], until: float) -> Answer:
        headers = {
            "Authorization": f"Bearer {self.config.api_key.get_secret_value()}",
            "Content-Type": "application/json",
        }
        url, body = API[self.config.region], orjson.dumps(payload)
        return await self.net.request("POST", url, body=body, headers=headers, timeout=time_left(until))

    @classmethod
    def verify(cls, config: Any, request: ReceiptRequest) -> None:
        moment = request.header("X-Twilio-Email-Event-Webhook-Timestamp")
        if not config.verification_key:
            raise BadSignature("the account has no verification key")
        signing.check_age(moment, request, WINDOW)
        try:
            given = base64.b64decode(request.header("X-Twilio-Email-Event-Webhook-Signature"), validate=True)
            _public_key(config.verification_key).verify(
                given, moment.encode() + request.body, ec.ECDSA(hashes.SHA256())
            )
        except (binascii.Error, InvalidSignature):
            raise BadSignature("the signature does not match") from None

    @classmethod
    def parse_receipts(cls, config: Any, request: ReceiptRequest) -> list[Receipt]:  # noqa: ARG003
        events = reading.body(request.body)
        return [_receipt(event, request) for event in (events if isinstance(events, list) else [events])]


def _person(address: str, name: str = "") -> dict[str, str]:
    return {"email": address, "name": name} if name else {"email": address}


def _personalization(message: Message, substitutions: dict[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {
        "to": [_person(message.address)],
        "subject": mime.line(message.content["subject"]),
        "custom_args": {"delivery_id": str(message.delivery_id)},
        "headers": unsubscribe_headers(message),
        "substitutions": substitutions,
    }
    return {key: value for key, value in given.items() if value}


def _errors(answer: Answer) -> list[dict[str, Any]]:
    return reading.objects(reading.dig(reading.loose(answer.body), "errors"))


def _named(answer: Answer) -> set[int]:
    """The personalizations that a refusal blames."""
    if answer.status != 400:
        return set()
    fields = [reading.text(error.get("field")) for error in _errors(answer)]
    return {int(found[1]) for field in fields if (found := re.match(r"personalizations\.(\d{1,4})\b", field))}


def _receipt(event: Any, request: ReceiptRequest) -> Receipt:
    word = reading.text(reading.dig(event, "event"))
    cause = reading.dig(event, "type") or reading.dig(event, "reason") if word in ("bounce", "dropped") else ""
    reason, permanent = WHY.get(reading.text(cause).lower(), (Reason.UNREACHABLE, False))
    return Receipt(
        event_id=reading.text(reading.dig(event, "sg_event_id")) or hashlib.sha256(orjson.dumps(event)).hexdigest(),
        kind=KINDS.get(word, ReceiptKind.UNKNOWN),
        at=reading.moment(reading.dig(event, "timestamp"), request.received_at),
        delivery_id=reading.delivery_id(reading.dig(event, "delivery_id")),
        # Theirs is longer than what the call answered: it ends with where the message went through.
        vendor_id=re.split(r"\.(?:filter|recvd)", reading.text(reading.dig(event, "sg_message_id")), maxsplit=1)[0],
        reason=reason if word in ("bounce", "dropped", "deferred") else "",
        permanent=permanent,
        machine=reading.dig(event, "sg_machine_open") is True,
        raw=reading.mapping(event),
    )


@lru_cache(maxsize=256)
def _public_key(text: str) -> ec.EllipticCurvePublicKey:
    try:
        key = serialization.load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("must be the verification key from SendGrid's Event Webhook settings")  # noqa: TRY004
    return key
