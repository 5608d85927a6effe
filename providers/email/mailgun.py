"""Mailgun: up to 1 000 recipients per call, each with variables of its own, and its signed webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Hashable, Sequence
from typing import Any, Literal
from urllib.parse import quote, urlencode

import orjson
from pydantic import Field, SecretStr

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
    portions,
    sender_of,
    settled,
    time_left,
    unsubscribe_headers,
)
from providers.errors import Ambiguous, BadReceipt, BadSignature
from providers.http import Answer
from providers.refusals import ACCOUNT, CONTENT, CREDENTIALS, refusal

HOSTS = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}
CALL_BYTES = 20_000_000  # Mailgun takes 25 MB
# It repeats a post for 8 hours. Its signature covers neither the event nor its id, only a time and a token: the token
# becomes the receipt's id, so that a token that was seen never brings a second event.
WINDOW = 43_200.0
REFUSED = {
    400: CONTENT,
    401: CREDENTIALS,
    402: ACCOUNT,
    403: CREDENTIALS,
    404: ACCOUNT,  # no such domain, or the other region's
    413: CONTENT,
}
KINDS = {
    "accepted": ReceiptKind.SENT,
    "delivered": ReceiptKind.DELIVERED,
    "failed": ReceiptKind.BOUNCED,
    "rejected": ReceiptKind.BOUNCED,
    "opened": ReceiptKind.OPENED,
    "clicked": ReceiptKind.CLICKED,
    "unsubscribed": ReceiptKind.UNSUBSCRIBED,
    "complained": ReceiptKind.COMPLAINED,
}
#: `reason` of a failure: why, and whether the address is dead.
WHY = {
    "bounce": (Reason.INVALID_ADDRESS, True),
    "suppress-bounce": (Reason.INVALID_ADDRESS, True),
    "suppress-complaint": (Reason.BLOCKED, False),
    "suppress-unsubscribe": (Reason.BLOCKED, False),
}


class Mailgun(Provider):
    key = "mailgun"
    channel = "email"
    title = "Mailgun"
    capabilities = Capabilities(max_batch=1_000, concurrency=16, timeout=30.0, receipts=True, echoes_delivery_id=True)

    class Config(ProviderConfig):
        api_key: ApiKey = Field(description="A sending key of the domain.", examples=["key-abc"])
        domain: str = Field(
            min_length=1, max_length=253, description="The domain as Mailgun knows it.", examples=["mg.example.com"]
        )
        region: Literal["us", "eu"] = Field("us", description="Where the domain was set up.")
        signing_key: SecretStr = Field(
            SecretStr(""), description="The HTTP webhook signing key; without it no receipts are taken."
        )
        from_address: FromAddress = ""
        from_name: FromName = ""

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        calls = [call for group in grouped(batch, self._alike) for call in self._calls(group)]
        return await in_calls(calls, self._call, within=self.capabilities.timeout)

    def _alike(self, message: Message) -> Hashable:
        names = tuple(unsubscribe_headers(message))
        return sender_of(self.config, message), skeleton.shape(parts_of(message)), names

    def _calls(self, group: list[Message]) -> list[Call[dict[str, Any]]]:
        own = [_own(message) for message in group]
        contents = [parts_of(message) for message in group]
        if len(group) == 1:
            return [(group, {**self._once(group[0]), "to": group[0].address, **own[0], **contents[0]})]
        # With variables in a call, a merchant's own %recipient… would be one, too.
        shared, values = skeleton.mailing(contents, _tag, reserved="%recipient")
        variables = [{**mine, **value} for mine, value in zip(own, values, strict=True)]
        once = {**self._once(group[0]), **{name: _tag(name) for name in own[0]}, **shared}
        cuts = portions([len(orjson.dumps(each)) for each in variables], CALL_BYTES)
        return [(group[cut], {**once, **_recipients(group[cut], variables[cut])}) for cut in cuts]

    def _once(self, message: Message) -> dict[str, Any]:
        sender = sender_of(self.config, message)
        reply_to = {"h:Reply-To": sender.reply_to} if sender.reply_to else {}
        return {"from": str(mime.address(sender.address, sender.name)), **reply_to}

    async def _call(self, messages: list[Message], fields: dict[str, Any], until: float) -> list[Outcome]:
        login = base64.b64encode(f"api:{self.config.api_key.get_secret_value()}".encode()).decode()
        answer = await self.net.request(
            "POST",
            f"{HOSTS[self.config.region]}/v3/{quote(self.config.domain, safe='')}/messages",
            body=urlencode(fields, doseq=True).encode(),
            headers={"Authorization": f"Basic {login}", "Content-Type": "application/x-www-form-urlencoded"},
            timeout=time_left(until),
        )
        if answer.status == 400 and len(messages) > 1 and _blames_a_recipient(answer):
            return await self._in_halves(messages, until)
        if answer.status != 200:
            raise refusal(answer, self.now(), statuses=REFUSED, theirs=bool(_said(answer)))
        said = answer.json()
        vendor_id = reading.text(reading.dig(said, "id")).strip("<>")
        if not vendor_id or not reading.text(reading.dig(said, "message")).startswith("Queued"):
            raise Ambiguous(Reason.UNEXPECTED_ANSWER, "the answer does not say that it is queued", **answer.summary)
        return [accepted(message, vendor_id, **answer.summary) for message in messages]

    async def _in_halves(self, messages: list[Message], until: float) -> list[Outcome]:
        """Nothing was sent, because of somebody whom Mailgun does not name: the search must not cost the others."""
        middle = len(messages) // 2
        calls = [*self._calls(messages[:middle]), *self._calls(messages[middle:])]
        return [outcome for each in calls for outcome in await settled(self._call, *each, until)]

    @classmethod
    def verify(cls, config: Any, request: ReceiptRequest) -> None:
        key = config.signing_key.get_secret_value()
        if not key:
            raise BadSignature("the account has no signing key")
        try:
            block = reading.dig(reading.body(request.body), "signature")
        except BadReceipt as error:
            raise BadSignature(str(error)) from None
        moment = str(reading.dig(block, "timestamp"))
        token, given = (reading.text(reading.dig(block, part)) for part in ("token", "signature"))
        if not (token and given):
            raise BadSignature("the signature is missing or malformed")
        signing.check_age(moment, request, WINDOW)
        wanted = hmac.new(key.encode(), f"{moment}{token}".encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted.encode(), given.encode()):
            raise BadSignature("the signature does not match")

    @classmethod
    def parse_receipts(cls, config: Any, request: ReceiptRequest) -> list[Receipt]:  # noqa: ARG003
        posted = reading.body(request.body)
        event = reading.mapping(reading.dig(posted, "event-data"))
        word = reading.text(event.get("event"))
        failed = word in ("failed", "rejected")
        waits = word == "failed" and event.get("severity") == "temporary"  # Mailgun goes on trying
        reason, permanent = WHY.get(reading.text(event.get("reason")), (Reason.UNREACHABLE, False))
        return [
            Receipt(
                event_id=reading.text(reading.dig(posted, "signature", "token")),
                kind=ReceiptKind.UNKNOWN if waits else KINDS.get(word, ReceiptKind.UNKNOWN),
                at=reading.moment(event.get("timestamp"), request.received_at),
                delivery_id=reading.delivery_id(reading.dig(event, "user-variables", "delivery_id")),
                vendor_id=reading.text(reading.dig(event, "message", "headers", "message-id")).strip("<>"),
                reason=reason if failed else "",
                permanent=permanent and failed and not waits,
                raw=event,
            )
        ]


def _own(message: Message) -> dict[str, str]:
    """The fields that differ from one recipient to the next, beside the bodies."""
    headers = {f"h:{name}": value for name, value in unsubscribe_headers(message).items()}
    return {"subject": mime.line(message.content["subject"]), "v:delivery_id": str(message.delivery_id), **headers}


def _said(answer: Answer) -> str:
    return reading.text(reading.dig(reading.loose(answer.body), "message"))


def _blames_a_recipient(answer: Answer) -> bool:
    return _said(answer).lower().lstrip("'").startswith(("to parameter", "to' parameter"))


def _tag(name: str) -> str:
    return f"%recipient.{name}%"


def _recipients(messages: list[Message], variables: list[dict[str, str]]) -> dict[str, Any]:
    people = [message.address for message in messages]
    return {"to": people, "recipient-variables": orjson.dumps(dict(zip(people, variables, strict=True))).decode()}
