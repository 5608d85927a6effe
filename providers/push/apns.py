"""Apple Push Notification service: one HTTP/2 connection for all devices, signed in with a token key (.p8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

import jwt
import msgspec
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, SecretStr, field_validator

from providers.base import Capabilities, Message, Outcome, Provider, ProviderConfig, WithoutReceipts, accepted
from providers.errors import ProviderError
from providers.http import Answer
from providers.http2 import Http2
from providers.push.examples import ec_pem
from providers.refusals import (
    ACCOUNT,
    CONTENT,
    CREDENTIALS,
    ENOUGH,
    LATER,
    NOBODY,
    UNREACHABLE,
    Refusal,
    failed,
    of_status,
)

HOSTS = {"production": "api.push.apple.com", "sandbox": "api.sandbox.push.apple.com"}
# https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns
WORDS: dict[str, Refusal] = {
    "BadDeviceToken": NOBODY,  # these two only once the account has reached somebody, see `_failure`
    "DeviceTokenNotForTopic": NOBODY,
    "Unregistered": NOBODY,  # these two only when the device did not register after that
    "ExpiredToken": NOBODY,
    "BadTopic": ACCOUNT,
    "MissingTopic": ACCOUNT,
    "TopicDisallowed": ACCOUNT,
    "IdleTimeout": LATER,
    "BadPath": ACCOUNT,
    "MethodNotAllowed": ACCOUNT,
    "TooManyRequests": ENOUGH,  # to this device
    "TooManyProviderTokenUpdates": CREDENTIALS,
    "InternalServerError": LATER,
    "ServiceUnavailable": LATER,
    "Shutdown": LATER,
}
# For a word that Apple has added since.
STATUSES: dict[int, Refusal] = {
    400: CONTENT,
    403: CREDENTIALS,
    404: ACCOUNT,
    405: ACCOUNT,
    410: UNREACHABLE,
    413: CONTENT,
}
STALE = {"ExpiredProviderToken", "InvalidProviderToken"}
OLD, FRESH = 50 * 60.0, 20 * 60.0  # seconds: Apple refuses tokens of over an hour, and new ones within 20 minutes


class Refused(msgspec.Struct):
    reason: str
    timestamp: float | None = None  #: milliseconds; since then the device is not registered


def _signing_key(pem: str) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("must be the text of a token key's .p8 file, from Apple's developer site")  # noqa: TRY004
    return key


class Apns(WithoutReceipts, Provider):
    key = "apns"
    channel = "push"
    title = "Apple Push Notification service"
    capabilities = Capabilities(concurrency=256, timeout=15.0)  # two posts, each in 7

    class Config(ProviderConfig):
        team_id: str = Field(pattern=r"^[A-Z0-9]{10}$", description="Apple's team ID.", examples=["A1B2C3D4E5"])
        key_id: str = Field(pattern=r"^[A-Z0-9]{10}$", description="The token key's ID.", examples=["F6G7H8J9K0"])
        private_key: SecretStr = Field(description="The text of the key's .p8 file.", examples=[ec_pem()])
        topic: str = Field(
            pattern=r"^[A-Za-z0-9.-]{1,255}$", description="The app's bundle ID.", examples=["com.example.shop"]
        )
        environment: Literal["production", "sandbox"] = Field(
            "production", description="sandbox for builds that run from Xcode: their tokens work only there."
        )

        @field_validator("private_key")
        @classmethod
        def _usable(cls, value: SecretStr) -> SecretStr:
            _signing_key(value.get_secret_value())
            return value

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._key = _signing_key(self.config.private_key.get_secret_value())
        self._token, self._made_at = "", 0.0
        self._http2 = Http2(self.net, HOSTS[self.config.environment])
        self._reached = False

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        token = self._current(older_than=OLD)
        answer = await self._post(message, token)
        if _word(answer) in STALE and (renewed := self._current(older_than=FRESH)) != token:
            answer = await self._post(message, renewed)
        name = answer.headers.get("apns-id", "")
        if answer.status == 200 and name and not answer.body:
            self._reached = True
            return [accepted(message, name, **answer.summary)]
        raise self._failure(message, answer)

    def _current(self, *, older_than: float) -> str:
        at = self.now().timestamp()
        if not self._token or at - self._made_at > older_than:
            claims = {"iss": self.config.team_id, "iat": int(at)}
            self._token = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self.config.key_id})
            self._made_at = at
        return self._token

    async def _post(self, message: Message, token: str) -> Answer:
        headers = {
            "authorization": f"bearer {token}",
            "content-type": "application/json",
            "apns-topic": self.config.topic,
            "apns-push-type": "alert",
            "apns-id": str(message.delivery_id),
            "apns-collapse-id": str(message.delivery_id),  # a second copy replaces the first on the device
        }
        path = f"/3/device/{quote(message.address, safe='')}"
        return await self._http2.post(path, headers=headers, body=payload(message), timeout=7.0, shown="/3/device/…")

    def _failure(self, message: Message, answer: Answer) -> ProviderError:
        refused = answer.read(Refused) if answer.status != 200 else None
        if refused is None:
            said = f"APNs answered {answer.status} with what is not its answer"
            return failed(of_status(answer.status), answer, said, now=self.now())
        word = refused.reason
        meaning = WORDS.get(word) or STATUSES.get(answer.status) or of_status(answer.status, theirs=True)
        if meaning is NOBODY and not self._dead(answer, message, refused):
            meaning = UNREACHABLE
        return failed(meaning, answer, f"APNs said {word[:80]}", now=self.now())

    def _dead(self, answer: Answer, message: Message, refused: Refused) -> bool:
        """Whether the token may be suppressed for good."""
        if answer.status != 410:
            # The wrong topic or environment makes every token look like this, so somebody must have been reached.
            return self._reached
        if refused.timestamp is None:
            return False
        return message.address_since is None or refused.timestamp / 1000 > message.address_since.timestamp()

    async def close(self) -> None:
        await self._http2.close()


def payload(message: Message) -> bytes:
    card = message.content
    aps: dict[str, Any] = {"alert": {"title": card["title"], "body": card["body"]}, "sound": "default"}
    if card.get("image"):
        aps["mutable-content"] = 1  # lets the app's service extension fetch the picture
    ours = {name: card[name] for name in ("url", "image", "data") if card.get(name)}
    return orjson.dumps({"aps": aps, "delivery_id": str(message.delivery_id), **ours})


def _word(answer: Answer) -> str:
    refused = answer.read(Refused) if answer.status == 403 else None
    return refused.reason if refused else ""
