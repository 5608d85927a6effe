"""SMS over Vonage's SMS API: HTTP 200 whatever happens, one status for each piece; receipts echo our delivery id.

https://developer.vonage.com/en/messaging/sms/overview
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

from pydantic import Field, SecretStr

from providers import reading
from providers.base import (
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
from providers.errors import Ambiguous, BadSignature
from providers.http import Answer
from providers.prices import Prices, cost
from providers.refusals import (
    ACCOUNT,
    BLOCKED,
    CONTENT,
    CREDENTIALS,
    FINAL,
    LATER,
    NOBODY,
    SLOWER,
    UNREACHABLE,
    UNREAD,
    Refusal,
    refusal,
)
from providers.signing import TOLERANCE, check_age
from providers.sms import segments

API = "https://rest.nexmo.com/sms/json"
# https://developer.vonage.com/en/api-errors/sms
CODES: dict[str, Refusal] = {
    "1": SLOWER,
    "2": CONTENT,  # a parameter is missing
    "3": CONTENT,  # a parameter is wrong
    "4": CREDENTIALS,
    "5": LATER,
    "6": UNREACHABLE,  # no route to such a number
    "7": BLOCKED,  # on the list of barred numbers
    "8": ACCOUNT,  # suspended
    "9": ACCOUNT,  # no credit
    "10": SLOWER,  # too many connections
    "11": ACCOUNT,  # not enabled for HTTP
    "12": CONTENT,  # too long
    "14": CREDENTIALS,  # our signature
    "15": ACCOUNT,  # not a sender of this account
    "22": CONTENT,  # a wrong network
    "23": ACCOUNT,  # receipts cannot come to our address
    "29": ACCOUNT,  # a trial account and a number it may not write to
    "32": CREDENTIALS,  # a signature beside a secret
    "33": NOBODY,  # deactivated
}
STATUSES = {
    "accepted": ReceiptKind.SENT,
    "buffered": ReceiptKind.SENT,
    "delivered": ReceiptKind.DELIVERED,
    **dict.fromkeys(("expired", "failed", "rejected"), ReceiptKind.BOUNCED),
}
# err-code of a receipt; any other says nothing final.
WHY = {
    "3": Reason.INVALID_ADDRESS,  # absent for good
    "4": Reason.BLOCKED,  # barred by the subscriber
    "6": Reason.CONTENT_REFUSED,  # taken for spam
    "9": Reason.UNSUBSCRIBED,  # the subscriber wants nothing from this sender
    "10": Reason.CONTENT_REFUSED,
    "14": Reason.BLOCKED,  # by the carrier
    "15": Reason.UNREACHABLE,  # a prepaid card is empty
    "52": Reason.CONTENT_REFUSED,
    "53": Reason.BLOCKED,  # no consent on record
}


class VonageSms(Provider):
    key = "vonage"
    channel = "sms"
    title = "Vonage"
    capabilities = Capabilities(concurrency=32, timeout=12.0, receipts=True, echoes_delivery_id=True)

    class Config(ProviderConfig):
        api_key: str = Field(
            min_length=1, max_length=64, description="From Vonage's dashboard, API settings.", examples=["abcd1234"]
        )
        api_secret: SecretStr = Field(min_length=1, description="Beside the key.", examples=["0123456789abcdef"])
        signature_secret: SecretStr = Field(
            min_length=16,
            description="From API settings, Signed webhooks: proves that receipts are Vonage's.",
            examples=["0123456789abcdef0123456789abcdef"],
        )
        signature_method: Literal["sha256", "sha512"] = Field(
            "sha256", description="The same as in API settings: SHA-256 HMAC or SHA-512 HMAC."
        )
        sender: str = Field(
            min_length=1,
            max_length=16,
            description="The number or name of messages that name no other.",
            examples=["TECHRAR"],
        )
        prices: Prices | None = Field(None, description="What the contract says a segment costs, by country.")

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        config, size = self.config, segments.measure(message.content["text"])
        form = {
            "api_key": config.api_key,
            "api_secret": config.api_secret.get_secret_value(),
            "from": (message.sender.get("address") or config.sender).removeprefix("+"),
            "to": message.address.removeprefix("+"),
            "text": message.content["text"],
            "type": "text" if size.alphabet is segments.Alphabet.GSM7 else "unicode",
            "client-ref": str(message.delivery_id),
        }
        if message.receipt_url:
            form |= {"status-report-req": "1", "callback": message.receipt_url}
        answer = await self.net.request(
            "POST",
            API,
            body=urlencode(form).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            timeout=10.0,
        )
        vendor_id = self._accepted(answer)
        price = cost(config.prices, message.address, size.count)
        return [accepted(message, vendor_id, cost=price, units=size.count, **answer.summary)]

    def _accepted(self, answer: Answer) -> str:
        """The first piece's id when every piece was taken."""
        pieces = reading.objects(reading.dig(reading.loose(answer.body), "messages"))
        codes = [reading.code(piece.get("status")) for piece in pieces]
        ids = [reading.text(piece.get("message-id")) for piece in pieces]
        if answer.ok and pieces and all(code == "0" for code in codes) and all(ids):
            return ids[0]
        if {"0", ""} & set(codes):
            words = "Vonage does not say that it took every piece of the message"
            raise Ambiguous(Reason.UNEXPECTED_ANSWER, words, **answer.summary)
        code, said = (codes[0], reading.text(pieces[0].get("error-text"))) if pieces else ("", "")
        # Any other status is a no as well, and HTTP's says nothing.
        raise refusal(answer, self.now(), code=code, said=said, codes={code: UNREAD, **CODES})

    @classmethod
    def verify(cls, config: Any, request: ReceiptRequest) -> None:
        given = _posted(request)
        signed = "".join(f"&{k}={_safe(v)}" for k, v in sorted(given.items()) if k != "sig")
        secret = config.signature_secret.get_secret_value().encode()
        wanted = hmac.new(secret, signed.encode(), config.signature_method).hexdigest()
        if not hmac.compare_digest(given.get("sig", "").lower().encode(), wanted.encode()):
            raise BadSignature("sig is missing or does not match")
        check_age(given.get("timestamp", ""), request, TOLERANCE)

    @classmethod
    def parse_receipts(cls, config: Any, request: ReceiptRequest) -> list[Receipt]:  # noqa: ARG003 says whose it is
        said = _posted(request)
        vendor_id, status, code = (said.get(name, "") for name in ("messageId", "status", "err-code"))
        if not vendor_id or not status:
            return []  # something else that Vonage posts, such as an answer from a phone
        kind = STATUSES.get(status, ReceiptKind.UNKNOWN)
        bounced = kind is ReceiptKind.BOUNCED
        reason = WHY.get(code, Reason.UNREACHABLE)
        return [
            Receipt(
                event_id=f"{vendor_id}-{status}",
                kind=kind,
                at=reading.moment(said.get("message-timestamp"), request.received_at),
                delivery_id=reading.delivery_id(said.get("client-ref")),
                vendor_id=vendor_id,
                reason=reason.value if bounced else "",
                permanent=bounced and reason in FINAL,
                raw=said,
            )
        ]


def _posted(request: ReceiptRequest) -> dict[str, str]:
    """JSON or a form, as the account's settings say."""
    found = reading.mapping(reading.loose(request.body))
    if found:
        return {name: reading.code(value) for name, value in found.items()}
    return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))


def _safe(value: str) -> str:
    return value.replace("&", "_").replace("=", "_")
