"""Web push: a card for one browser, posted to the push service that its subscription names (RFC 8030, 8291, 8292)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import jwt
import msgspec
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from pydantic import Field, SecretStr, field_validator
from yarl import URL

from providers.base import Capabilities, Message, Outcome, Provider, ProviderConfig, Reason, WithoutReceipts, accepted
from providers.errors import ForbiddenTarget, Misconfigured, Permanent, ProviderError
from providers.http import Answer
from providers.refusals import (
    CONTENT,
    CREDENTIALS,
    GATEWAY,
    LATER,
    NOBODY,
    SLOWER,
    UNREACHABLE,
    Refusal,
    failed,
    of_status,
)
from providers.web_push.encryption import LONGEST, encrypt, public_bytes

TAKEN = {201, 202}
# RFC 8030 names few statuses; the rest is what the push services of Mozilla, Google, Apple and Microsoft use.
STATUSES: dict[int, Refusal] = {
    400: CREDENTIALS,
    401: CREDENTIALS,
    403: CREDENTIALS,
    404: NOBODY,
    410: NOBODY,
    413: CONTENT,
    429: SLOWER,
    # A second copy replaces the first in the browser, by its tag: a gateway's answer leaves nothing to fear.
    **dict.fromkeys(GATEWAY, LATER),
}
SIGNED_FOR = 12 * 3600  # seconds; push services refuse more than 24 hours
MONTH = 28 * 86_400
EXAMPLE = "ZXhhbXBsZSBvZiBhIHByaXZhdGUga2V5LCAzMmJ5dGU"


class Keys(msgspec.Struct):
    p256dh: str
    auth: str


class Subscription(msgspec.Struct):
    endpoint: str
    keys: Keys


def _private_key(text: str) -> EllipticCurvePrivateKey:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if len(raw) != 32:
            raise ValueError("the wrong length")
        return derive_private_key(int.from_bytes(raw, "big"), SECP256R1())
    except (binascii.Error, ValueError):
        raise ValueError("must be a VAPID private key: 32 bytes in URL-safe base64") from None


def _contact(value: str) -> str:
    if not value.startswith(("mailto:", "https://")) or not value.isprintable() or " " in value:
        raise ValueError("must begin with mailto: or https://")
    return value


class Vapid(WithoutReceipts, Provider):
    key = "vapid"
    channel = "web_push"
    title = "Web push (VAPID)"
    capabilities = Capabilities(timeout=12.0, own_server=True)

    class Config(ProviderConfig):
        private_key: SecretStr = Field(
            description="The VAPID private key: 32 bytes in URL-safe base64.", examples=[EXAMPLE]
        )
        contact: str = Field(
            description="Where push services reach you: mailto: or https:.", examples=["mailto:ops@example.com"]
        )
        ttl: int = Field(
            86_400,
            ge=0,
            le=MONTH,
            description="Seconds that a message waits for a browser that is away.",
        )

        _reachable = field_validator("contact")(_contact)

        @field_validator("private_key")
        @classmethod
        def _usable(cls, value: SecretStr) -> SecretStr:
            _private_key(value.get_secret_value())
            return value

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._key = _private_key(self.config.private_key.get_secret_value())
        self._public = _base64(public_bytes(self._key))
        self._reached = False

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        subscription = _subscription(message.address)
        headers = {
            "Authorization": f"vapid t={self._signed(subscription.endpoint)}, k={self._public}",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(self.config.ttl),
            "Topic": message.delivery_id.hex,  # a second copy replaces the first while it waits for the browser
        }
        answer = await self.net.request(
            "POST",
            subscription.endpoint,
            body=_sealed(message, subscription.keys),
            headers=headers,
            timeout=10.0,
            secret_path=True,
        )
        if answer.status in TAKEN:
            self._reached = True
            return [accepted(message, **answer.summary)]
        raise self._failure(answer)

    def _signed(self, endpoint: str) -> str:
        try:
            audience = str(URL(endpoint).origin())
        except ValueError:
            raise ForbiddenTarget("The subscription's endpoint is not a web address.") from None
        claims = {"aud": audience, "exp": int(self.now().timestamp()) + SIGNED_FOR, "sub": self.config.contact}
        return jwt.encode(claims, self._key, algorithm="ES256")

    def _failure(self, answer: Answer) -> ProviderError:
        meaning = STATUSES.get(answer.status)
        if meaning is None:
            gone = 300 <= answer.status < 500
            meaning = UNREACHABLE if gone else of_status(answer.status)
        elif meaning[0] is Misconfigured and self._reached:
            # The key is right, as somebody was reached with it: this subscription was made for another one. Whoever
            # can hand a merchant a subscription could otherwise stop all of its web push.
            meaning = UNREACHABLE
        return failed(meaning, answer, f"the push service answered {answer.status}", now=self.now())


def _subscription(address: str) -> Subscription:
    try:
        return msgspec.json.decode(address, type=Subscription)
    except msgspec.DecodeError:
        raise Permanent(Reason.INVALID_ADDRESS, "the address is not a browser's subscription") from None


def _sealed(message: Message, keys: Keys) -> bytes:
    """What the merchant's service worker gets; `tag` lets a second notification replace the first."""
    name = str(message.delivery_id)
    card = {part: value for part, value in message.content.items() if value}
    plain = orjson.dumps({"delivery_id": name, "tag": name, **card})
    if len(plain) > LONGEST:
        raise Permanent(Reason.CONTENT_REFUSED, f"a web push message may have {LONGEST} bytes, not {len(plain)}")
    try:
        return encrypt(plain, browser_key=_bytes(keys.p256dh), auth=_bytes(keys.auth))
    except ValueError:
        raise Permanent(Reason.INVALID_ADDRESS, "the subscription's p256dh is not a key of the curve P-256") from None


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
