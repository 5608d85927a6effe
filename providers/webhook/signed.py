"""Signed webhook: JSON posted to a merchant's endpoint as Standard Webhooks describes it."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from pydantic import Field, SecretStr, field_validator

from providers import signing
from providers.base import Capabilities, Message, Outcome, Provider, ProviderConfig, Reason, WithoutReceipts, accepted
from providers.errors import Permanent, ProviderError, Throttled, Transient
from providers.http import Answer

SLOW_DOWN = {429, 502, 504}
TRY_AGAIN = {408, 425}
REFUSED = {
    401: Reason.BLOCKED,
    403: Reason.BLOCKED,
    404: Reason.UNREACHABLE,  # also what a receiver answers for a minute while it is being deployed
    405: Reason.UNREACHABLE,
    410: Reason.BLOCKED,  # "stop sending to me"
}


def _secret(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        signing.key_of(value.get_secret_value())
    return value


class SignedWebhook(WithoutReceipts, Provider):
    key = "signed"
    channel = "webhook"
    title = "Signed webhook"
    # Receivers drop a second request with the same webhook-id, so an ambiguous call may be repeated.
    capabilities = Capabilities(timeout=20.0, idempotent=True, own_server=True)

    class Config(ProviderConfig):
        secret: SecretStr = Field(
            description="Signs every request: whsec_ and 24 to 64 bytes in base64.",
            examples=["whsec_bWluZSBpcyBsb25nZXIgYW5kIHNlY3JldCE="],
        )
        previous_secret: SecretStr | None = Field(
            None, description="Signs beside the secret while receivers change over to it."
        )

        _checked = field_validator("secret", "previous_secret")(_secret)

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        body = orjson.dumps(message.content["payload"])
        signed = signing.headers(self._keys(), str(message.delivery_id), self.now(), body)
        answer = await self.net.request(
            "POST",
            message.address,
            body=body,
            headers={**signed, "Content-Type": "application/json"},
            timeout=self.capabilities.timeout - 2,
        )
        if not answer.ok:
            raise self._failure(answer)
        return [accepted(message, **answer.summary)]

    def _keys(self) -> list[bytes]:
        given = (self.config.secret, self.config.previous_secret)
        return [signing.key_of(secret.get_secret_value()) for secret in given if secret]

    def _failure(self, answer: Answer) -> ProviderError:
        status, said = answer.status, answer.summary
        wait = answer.retry_after(self.now())
        if status in SLOW_DOWN:
            return Throttled(Reason.RATE, f"the endpoint answered {status}", retry_after=wait, **said)
        if status >= 500 or status in TRY_AGAIN:
            return Transient(Reason.VENDOR_ERROR, f"the endpoint answered {status}", retry_after=wait, **said)
        if status < 400:
            return Permanent(Reason.UNREACHABLE, f"the endpoint answered {status}; redirects are not followed", **said)
        return Permanent(REFUSED.get(status, Reason.CONTENT_REFUSED), f"the endpoint answered {status}", **said)
