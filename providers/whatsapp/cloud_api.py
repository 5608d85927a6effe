"""WhatsApp over Meta's Cloud API: approved templates, or text within 24 hours of the recipient's last message.

https://developers.facebook.com/docs/whatsapp/cloud-api
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

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
from providers.errors import BadSignature, Permanent
from providers.prices import Prices, cost
from providers.refusals import (
    ACCOUNT,
    BLOCKED,
    CONTENT,
    CREDENTIALS,
    ENOUGH,
    FINAL,
    LATER,
    SLOWER,
    UNREACHABLE,
    Refusal,
    refusal,
)
from providers.whatsapp.parameters import filled

API = "https://graph.facebook.com/v23.0"
# https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes: in answers and in receipts alike.
CODES: dict[str, Refusal] = {
    "0": CREDENTIALS,
    "1": LATER,
    "2": LATER,
    "3": ACCOUNT,
    "4": SLOWER,
    "10": ACCOUNT,
    "33": ACCOUNT,  # no such number
    "100": CONTENT,
    "190": CREDENTIALS,  # the token expired
    "200": ACCOUNT,
    "368": ACCOUNT,  # blocked for breaking rules
    "80007": SLOWER,
    "130429": SLOWER,
    "130472": UNREACHABLE,  # the recipient is part of an experiment
    "131000": LATER,
    "131005": ACCOUNT,
    "131008": CONTENT,
    "131009": CONTENT,
    "131016": LATER,
    "131021": CONTENT,  # to itself
    "131026": UNREACHABLE,  # not on WhatsApp, or on an old one: Meta does not say which
    "131030": ACCOUNT,  # a test number and a recipient it may not write to
    "131031": ACCOUNT,  # locked
    "131042": ACCOUNT,  # unpaid
    "131045": ACCOUNT,  # the number is not registered
    "131047": CONTENT,  # the 24-hour window is closed: only a template may be sent
    "131048": SLOWER,  # too many recipients called it spam
    "131049": ENOUGH,  # enough marketing for this recipient for now
    "131050": BLOCKED,  # the recipient wants no marketing from us
    "131051": (Permanent, Reason.UNSUPPORTED),
    "131056": ENOUGH,  # too many to this recipient
    "131057": LATER,  # the account is being worked on
    "133010": ACCOUNT,  # the number is not registered
    # What may be wrong with a template.
    **dict.fromkeys(("132000", "132001", "132005", "132007", "132012", "132015", "132016"), CONTENT),
}
WAITS = {"131048": 3_600.0, "131049": 86_400.0, "131056": 60.0}
STATUSES = {
    "sent": ReceiptKind.SENT,
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.READ,
    "failed": ReceiptKind.BOUNCED,
}


class WhatsAppCloud(Provider):
    key = "cloud_api"
    channel = "whatsapp"
    title = "Meta Cloud API"
    capabilities = Capabilities(timeout=12.0, receipts=True, echoes_delivery_id=True)

    class Config(ProviderConfig):
        phone_number_id: str = Field(
            pattern="^[0-9]{5,20}$",
            description="From WhatsApp Manager; not the number.",
            examples=["106540352242922"],
        )
        access_token: ApiKey = Field(description="Of a system user.", examples=["EAAJB"])
        app_secret: SecretStr = Field(
            min_length=1,
            description="From the app's basic settings: proves who posts receipts.",
            examples=["f" * 32],
        )
        verify_token: SecretStr = Field(
            min_length=16,
            description="A word of your own: Meta repeats it when it first asks for the address of receipts.",
            examples=["a-word-of-your-own"],
        )
        prices: Prices | None = Field(None, description="What the contract says a message costs, by country.")

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        if message.sender.get("address"):
            raise Permanent(Reason.UNSUPPORTED, "the account's own number is the only sender it has")
        answer = await self.net.request(
            "POST",
            f"{API}/{self.config.phone_number_id}/messages",
            body=orjson.dumps(_body(message)),
            headers={
                "Authorization": f"Bearer {self.config.access_token.get_secret_value()}",
                "Content-Type": "application/json",
            },
            timeout=10.0,
        )
        said = reading.loose(answer.body)
        vendor_id = reading.text(reading.dig(said, "messages", 0, "id"))
        if answer.ok and vendor_id:
            return [accepted(message, vendor_id, cost=cost(self.config.prices, message.address), **answer.summary)]
        error = reading.mapping(reading.dig(said, "error"))
        code, words = reading.code(error.get("code")), reading.text(error.get("message"))
        raise refusal(answer, self.now(), code=code, said=words, codes=CODES, waits=WAITS)

    @classmethod
    def verify(cls, config: Any, request: ReceiptRequest) -> None:
        secret = config.app_secret.get_secret_value().encode()
        wanted = "sha256=" + hmac.new(secret, request.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(request.header("X-Hub-Signature-256").encode(), wanted.encode()):
            raise BadSignature("X-Hub-Signature-256 is missing or does not match")

    @classmethod
    def answer_challenge(cls, config: Any, request: ReceiptRequest) -> str | None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
        given = asked.get("hub.verify_token", "").encode()
        if not hmac.compare_digest(given, config.verify_token.get_secret_value().encode()):
            raise BadSignature("hub.verify_token is missing or does not match")
        return asked.get("hub.challenge", "")

    @classmethod
    def parse_receipts(cls, config: Any, request: ReceiptRequest) -> list[Receipt]:  # noqa: ARG003 says whose it is
        return [_receipt(status, request) for status in _statuses(reading.body(request.body))]


def _body(message: Message) -> dict[str, Any]:
    content = message.content
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": message.address.removeprefix("+"),
        "biz_opaque_callback_data": str(message.delivery_id),  # comes back with every receipt
    }
    if not content.get("template"):
        return body | {"type": "text", "text": {"body": content["text"]}}
    template: dict[str, Any] = {"name": content["template"], "language": {"code": content["language"]}}
    places = [
        {"type": "text", **({"parameter_name": name} if name else {}), "text": value} for name, value in filled(content)
    ]
    if places:
        template["components"] = [{"type": "body", "parameters": places}]
    return body | {"type": "template", "template": template}


def _statuses(said: Any) -> Iterator[dict[str, Any]]:
    """Each thing said about a message of ours; answers from recipients come in the same envelopes."""
    for entry in reading.objects(reading.dig(said, "entry")):
        for change in reading.objects(entry.get("changes")):
            for status in reading.objects(reading.dig(change, "value", "statuses")):
                if reading.text(status.get("id")) and reading.text(status.get("status")):
                    yield status


def _receipt(said: dict[str, Any], request: ReceiptRequest) -> Receipt:
    vendor_id, status, moment = (reading.code(said.get(name)) for name in ("id", "status", "timestamp"))
    kind = STATUSES.get(status, ReceiptKind.UNKNOWN)
    bounced = kind is ReceiptKind.BOUNCED
    code = reading.code(reading.dig(said, "errors", 0, "code"))
    _, reason = CODES.get(code, UNREACHABLE)
    dated = moment.isascii() and moment.isdigit() and len(moment) <= 10
    return Receipt(
        event_id=f"{vendor_id}-{status}",
        kind=kind,
        at=reading.moment(int(moment) if dated else None, request.received_at),
        delivery_id=reading.delivery_id(said.get("biz_opaque_callback_data")),
        vendor_id=vendor_id,
        reason=reason.value if bounced else "",
        permanent=bounced and reason in FINAL,
        raw=said,
    )
