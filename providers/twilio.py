"""What do Twilio's SMS and WhatsApp have in common? One Messages API, one table of codes, one way to sign receipts.

https://www.twilio.com/docs/messaging/api/message-resource · https://www.twilio.com/docs/usage/security
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from pydantic import Field

from providers import reading
from providers.base import (
    ApiKey,
    Capabilities,
    Message,
    Outcome,
    Provider,
    ProviderConfig,
    Receipt,
    ReceiptKind,
    ReceiptRequest,
    accepted,
)
from providers.errors import BadSignature
from providers.prices import Prices, cost
from providers.refusals import (
    ACCOUNT,
    BLOCKED,
    CONTENT,
    CREDENTIALS,
    ENOUGH,
    FINAL,
    LATER,
    NOBODY,
    SLOWER,
    STOPPED,
    UNREACHABLE,
    Refusal,
    refusal,
)

API = "https://api.twilio.com/2010-04-01"
ECHO = "delivery"  # our id in the query of the address that receipts come to
# https://www.twilio.com/docs/api/errors: what a call answers, and what a receipt may say later.
CODES: dict[str, Refusal] = {
    "20003": CREDENTIALS,
    "20404": CREDENTIALS,  # no such account
    "20005": ACCOUNT,  # suspended
    "20429": SLOWER,
    "21211": NOBODY,
    "21212": ACCOUNT,  # no such sender
    # These two, a country that is not switched on and a carrier that this sender cannot reach, are the account's fault
    # only for such numbers: one unusual recipient must not pause it for all the others.
    "21408": UNREACHABLE,
    "21612": UNREACHABLE,
    "21602": CONTENT,  # empty
    "21603": ACCOUNT,  # no sender
    "21606": ACCOUNT,  # the sender cannot do this
    "21608": ACCOUNT,  # a trial account and a number it may not write to
    "21609": ACCOUNT,  # receipts cannot come to our address
    "21610": STOPPED,  # the recipient answered STOP
    "21611": SLOWER,  # this sender's queue is full
    "21614": NOBODY,  # not a mobile number
    "21617": CONTENT,  # over 1600 characters
    "21635": NOBODY,  # a landline
    "21656": CONTENT,  # malformed template parameters
    "21659": ACCOUNT,  # not a sender of this account
    "21701": ACCOUNT,  # no such messaging service
    "21703": ACCOUNT,  # a messaging service without senders
    "30001": LATER,  # queue overflow
    "30002": ACCOUNT,  # suspended while the message waited
    "30003": UNREACHABLE,
    "30004": BLOCKED,
    "30005": NOBODY,
    "30006": NOBODY,  # a landline
    "30007": CONTENT,  # filtered by the carrier
    "30008": UNREACHABLE,
    "30032": ACCOUNT,  # a toll-free number that is not verified
    "30034": ACCOUNT,  # a number that is not registered with the carriers
    "30036": UNREACHABLE,  # not delivered within its validity
    "63003": NOBODY,
    "63005": CONTENT,
    "63007": ACCOUNT,  # no such WhatsApp sender
    "63012": LATER,
    "63013": CONTENT,  # against WhatsApp's policy
    "63016": CONTENT,  # the 24-hour window is closed: only a template may be sent
    "63018": SLOWER,  # the account or its sender, not this recipient
    "63024": NOBODY,
    "63027": CONTENT,  # no such template in this language
    "63028": CONTENT,  # another number of parameters
    "63032": UNREACHABLE,  # WhatsApp holds this recipient out of something
    "63049": ENOUGH,  # enough marketing for this recipient for now
}
WAITS = {"21611": 60.0, "63018": 60.0, "63049": 86_400.0}
FAILED = {"failed", "undelivered", "canceled"}
UNDER_WAY = {"", "accepted", "scheduled", "queued", "sending"}  # these tell us nothing that we do not know
STATUSES = {
    "sent": ReceiptKind.SENT,
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.READ,
    **dict.fromkeys(FAILED, ReceiptKind.BOUNCED),
}


class TwilioConfig(ProviderConfig):
    account_sid: str = Field(
        pattern="^AC[0-9a-f]{32}$", description="From Twilio's console: AC…", examples=["AC" + "0" * 32]
    )
    auth_token: ApiKey = Field(
        description="Beside the SID; it also proves that receipts are Twilio's.", examples=["f" * 32]
    )
    sender: str = Field(
        max_length=64,
        description="The number, sender name or Messaging Service (MG…) of messages that name no other.",
        examples=["+12025550100"],
    )
    validity_seconds: int | None = Field(
        None, ge=1, le=36_000, description="How long Twilio may try to deliver; its own limit when empty."
    )
    prices: Prices | None = Field(None, description="What the contract says a message costs, by country.")


class TwilioMessages(Provider):
    """Shared by both channels, which add `key`, `channel` and `form`."""

    title = "Twilio"
    capabilities = Capabilities(timeout=12.0, receipts=True, echoes_delivery_id=True)

    Config = TwilioConfig

    @abstractmethod
    def form(self, message: Message) -> dict[str, str]:
        """Who gets what, in the API's words; `Permanent` when it has none."""

    def units(self, message: Message) -> int:  # noqa: ARG002 most channels bill by the message
        """How many times a message's price is paid."""
        return 1

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        config = self.config
        form = self.form(message)
        if message.receipt_url:
            form["StatusCallback"] = f"{message.receipt_url}?{urlencode({ECHO: message.delivery_id})}"
        if config.validity_seconds:
            form["ValidityPeriod"] = str(config.validity_seconds)
        credentials = f"{config.account_sid}:{config.auth_token.get_secret_value()}".encode()
        answer = await self.net.request(
            "POST",
            f"{API}/Accounts/{config.account_sid}/Messages.json",
            body=urlencode(form).encode(),
            headers={
                "Authorization": "Basic " + base64.b64encode(credentials).decode(),
                "Content-Type": "application/x-www-form-urlencoded",
            },
            timeout=10.0,
        )
        said = reading.mapping(reading.loose(answer.body))
        sid, units = reading.text(said.get("sid")), self.units(message)
        if answer.ok and sid and said.get("status") not in FAILED:
            price = cost(config.prices, message.address, units)
            return [accepted(message, sid, cost=price, units=units, **answer.summary)]
        code = reading.code(said.get("code")) or reading.code(said.get("error_code"))
        words = reading.text(said.get("message"))
        raise refusal(answer, self.now(), code=code, said=words, codes=CODES, waits=WAITS)

    @classmethod
    def verify(cls, config: Any, request: ReceiptRequest) -> None:
        given = request.header("X-Twilio-Signature").encode()
        key = config.auth_token.get_secret_value().encode()
        posted = _posted(request)
        # Twilio signs the address now with its port and now without.
        wanted = [_signature(key, url + posted) for url in _spellings(request.url)]
        if not any(hmac.compare_digest(given, one) for one in wanted):
            raise BadSignature("X-Twilio-Signature is missing or does not match")

    @classmethod
    def parse_receipts(cls, config: Any, request: ReceiptRequest) -> list[Receipt]:  # noqa: ARG003 says whose it is
        said = dict(parse_qsl(request.body.decode(errors="replace")))
        sid, status = said.get("MessageSid", ""), said.get("MessageStatus", "")
        if not sid or status in UNDER_WAY:
            return []
        echoed = parse_qs(urlsplit(request.url).query).get(ECHO, [""])[0]
        kind = STATUSES.get(status, ReceiptKind.UNKNOWN)
        _, reason = CODES.get(said.get("ErrorCode", ""), UNREACHABLE)
        bounced = kind is ReceiptKind.BOUNCED
        return [
            Receipt(
                event_id=f"{sid}-{status}",
                kind=kind,
                at=request.received_at,  # Twilio does not say when
                delivery_id=reading.delivery_id(echoed),
                vendor_id=sid,
                reason=reason.value if bounced else "",
                permanent=bounced and reason in FINAL,
                raw=said,
            )
        ]


def sent_by(sender: str, prefix: str = "") -> dict[str, str]:
    """A Messaging Service chooses among its senders; anything else is one."""
    service = re.fullmatch(r"MG[0-9a-f]{32}", sender)
    return {"MessagingServiceSid": sender} if service else {"From": prefix + sender}


def _posted(request: ReceiptRequest) -> str:
    """What follows the address under the signature: a form's fields in order, or nothing when it carries a hash."""
    stated = parse_qs(urlsplit(request.url).query).get("bodySHA256")
    if stated is None:
        given = parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True)
        return "".join(name + value for name, value in sorted(set(given)))
    if not hmac.compare_digest(stated[0].encode(), hashlib.sha256(request.body).hexdigest().encode()):
        raise BadSignature("the body is not the one whose hash was signed")
    return ""


def _signature(key: bytes, signed: str) -> bytes:
    return base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha1).digest())


def _spellings(url: str) -> list[str]:
    """The same address with its port written out, and without."""
    parts = urlsplit(url)
    bare = re.sub(r":\d+$", "", parts.netloc)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return [url.replace(parts.netloc, netloc, 1) for netloc in (bare, f"{bare}:{port}")]
