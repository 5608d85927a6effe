"""Firebase Cloud Messaging, HTTP v1: one call per device, for Android, and for iOS and the web through Firebase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import orjson
from pydantic import Field, SecretStr, field_validator

from providers.base import Capabilities, Message, Outcome, Provider, ProviderConfig, Reason, WithoutReceipts, accepted
from providers.errors import Ambiguous, ProviderError, Throttled
from providers.http import Answer
from providers.push.examples import rsa_pem
from providers.push.fcm_token import AccessToken, service_account
from providers.refusals import (
    ACCOUNT,
    CONTENT,
    CREDENTIALS,
    LATER,
    NOBODY,
    SLOWER,
    UNREACHABLE,
    Refusal,
    failed,
    of_status,
)

API = "https://fcm.googleapis.com/v1/projects/{project}/messages:send"
# FCM's own codes, and Google's general ones where it gives none of its own:
# https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
WORDS: dict[str, Refusal] = {
    "UNREGISTERED": NOBODY,
    # Also what every token says when the account is of the wrong project: no reason to suppress one.
    "SENDER_ID_MISMATCH": UNREACHABLE,
    "INVALID_ARGUMENT": CONTENT,  # unless it is about the token, see `_about_the_token`
    "QUOTA_EXCEEDED": SLOWER,
    "RESOURCE_EXHAUSTED": SLOWER,
    "UNAVAILABLE": LATER,
    "INTERNAL": LATER,
    "DEADLINE_EXCEEDED": (Ambiguous, Reason.VENDOR_ERROR),
    "THIRD_PARTY_AUTH_ERROR": CREDENTIALS,
    "UNAUTHENTICATED": CREDENTIALS,
    "PERMISSION_DENIED": ACCOUNT,
    "NOT_FOUND": ACCOUNT,  # not the device, which is UNREGISTERED, but the project
}
EXAMPLE = orjson.dumps(
    {
        "type": "service_account",
        "project_id": "example-shop",
        "private_key_id": "0123456789abcdef",
        "private_key": rsa_pem(),
        "client_email": "techrar@example-shop.iam.gserviceaccount.com",
    }
).decode()
QUOTA_WAIT = 60.0  # seconds: quotas are counted by the minute
OURS = "type.googleapis.com/google.firebase.fcm.v1.FcmError"


class Sent(msgspec.Struct):
    name: str


class Violation(msgspec.Struct):
    field: str = ""


class Detail(msgspec.Struct, rename="camel"):
    kind: str = msgspec.field(name="@type", default="")
    error_code: str = ""
    field_violations: list[Violation] = []


class Refused(msgspec.Struct):
    status: str = ""
    message: str = ""
    details: list[Detail] = []

    @property
    def word(self) -> str:
        return next((one.error_code for one in self.details if one.kind == OURS), "") or self.status


class Failure(msgspec.Struct):
    error: Refused


class Fcm(WithoutReceipts, Provider):
    key = "fcm"
    channel = "push"
    title = "Firebase Cloud Messaging"
    capabilities = Capabilities(timeout=22.0)  # two calls and two exchanges for a token, each in 5

    class Config(ProviderConfig):
        service_account: SecretStr = Field(
            description="The JSON file of a service account: Firebase console, Project settings, Service accounts.",
            examples=[EXAMPLE],
        )

        @field_validator("service_account")
        @classmethod
        def _whole(cls, value: SecretStr) -> SecretStr:
            service_account(value.get_secret_value())
            return value

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._token = AccessToken(self.config.service_account.get_secret_value(), self.net, self.now)

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        token = await self._token.get()
        answer = await self._post(message, token)
        if answer.status == 401 and _word(answer) != "THIRD_PARTY_AUTH_ERROR":
            self._token.refused(token)  # once: it may have been revoked before its time
            answer = await self._post(message, await self._token.get())
        sent = answer.read(Sent) if answer.status == 200 else None
        if sent and sent.name:
            return [accepted(message, sent.name, **answer.summary)]
        raise self._failure(answer)

    async def _post(self, message: Message, token: str) -> Answer:
        url = API.format(project=self._token.account.project_id)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return await self.net.request("POST", url, body=payload(message), headers=headers, timeout=5.0)

    def _failure(self, answer: Answer) -> ProviderError:
        failure = answer.read(Failure) if not answer.ok else None
        if failure is None:
            said = f"FCM answered {answer.status} with what is not its answer"
            return failed(of_status(answer.status), answer, said, now=self.now())
        word = failure.error.word
        meaning = WORDS.get(word) or of_status(answer.status, theirs=bool(word))
        if word == "INVALID_ARGUMENT" and _about_the_token(failure.error):
            meaning = NOBODY
        least = QUOTA_WAIT if meaning[0] is Throttled else 0.0
        return failed(meaning, answer, f"FCM said {word[:80]}", now=self.now(), at_least=least)


def payload(message: Message) -> bytes:
    """A second copy replaces the first on the device: by tag on Android, by collapse id and topic elsewhere."""
    card, name = message.content, str(message.delivery_id)
    data = {"delivery_id": name} | {part: card[part] for part in ("url", "image") if card.get(part)}
    if card.get("data"):
        data["data"] = orjson.dumps(card["data"]).decode()  # FCM's values are strings
    shown = {"title": card["title"], "body": card["body"]} | ({"image": card["image"]} if card.get("image") else {})
    body = {
        "token": message.address,
        "notification": shown,
        "data": data,
        "android": {"notification": {"tag": name}},
        "apns": {"headers": {"apns-collapse-id": name}},
        "webpush": {"headers": {"Topic": message.delivery_id.hex}},
    }
    return orjson.dumps({"message": body})


def _word(answer: Answer) -> str:
    failure = answer.read(Failure)
    return failure.error.word if failure else ""


def _about_the_token(error: Refused) -> bool:
    """FCM says INVALID_ARGUMENT of broken tokens and of too large messages; only the first kind may be suppressed."""
    fields = [violation.field for detail in error.details for violation in detail.field_violations]
    if fields:
        return fields == ["message.token"]
    return any(detail.kind == OURS for detail in error.details) and "registration token" in error.message
