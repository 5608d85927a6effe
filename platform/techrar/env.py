"""Which environment variables does the service read, and are they usable?

Every setting an operator can change is a field here; `docs/configuration.md` lists them and a test compares both.
A value that cannot work stops the start with one sentence (`ConfigurationError`), never with a stack trace.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from techrar.core.crypto import KeyRing
from techrar.core.errors import ConfigurationError


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Transport(StrEnum):
    """How deliveries reach the consumers: through RabbitMQ, or straight from the ledger."""

    AMQP = "amqp"
    LEDGER = "ledger"


class BrokerProfile(StrEnum):
    CLASSIC = "classic"
    QUORUM = "quorum"


class Env(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="", case_sensitive=False, extra="ignore")

    environment: Environment = Environment.DEVELOPMENT
    secret_key: str = Field("", description="Signs sessions and public links. Required in production, 50+ characters.")
    encryption_keys: str = Field(
        "", description="Key ring for credentials at rest: `id:base64-of-32-bytes`, comma-separated, newest first."
    )
    allowed_hosts: Annotated[list[str], NoDecode] = Field(default_factory=lambda: ["localhost", "127.0.0.1", "[::1]"])
    public_url: str = Field("http://127.0.0.1:8000", description="Where browsers and vendors reach this installation.")
    database_url: str = "postgresql://techrar@127.0.0.1:5432/techrar"
    redis_url: str = "redis://127.0.0.1:6379/0"
    amqp_url: str = Field("", description="RabbitMQ. Empty means the ledger transport.")
    transport: Transport | None = Field(None, description="Forces a transport; otherwise AMQP_URL decides.")
    broker_profile: BrokerProfile = BrokerProfile.CLASSIC
    allow_private_targets: bool | None = Field(
        None, description="May merchants' webhooks and relays be on private networks? By default only in development."
    )
    db_pool_size: int = Field(8, ge=1, le=200, description="Connections per web process.")
    log_level: str = "INFO"

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        return [h.strip() for h in value.split(",") if h.strip()] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _usable(self) -> Env:
        if self.environment is Environment.PRODUCTION and len(self.secret_key) < 50:
            raise ValueError("SECRET_KEY must be set to at least 50 random characters in production")
        if self.environment is Environment.PRODUCTION and not self.encryption_keys:
            raise ValueError("ENCRYPTION_KEYS must be set in production, as id:base64-of-32-bytes")
        if self.encryption_keys:
            KeyRing.parse(self.encryption_keys)
        if self.transport is Transport.AMQP and not self.amqp_url:
            raise ValueError("TRANSPORT=amqp needs AMQP_URL to name a RabbitMQ server")
        return self

    @property
    def production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def private_targets(self) -> bool:
        return not self.production if self.allow_private_targets is None else self.allow_private_targets

    @property
    def chosen_transport(self) -> Transport:
        return self.transport or (Transport.AMQP if self.amqp_url else Transport.LEDGER)


@lru_cache(maxsize=1)
def load() -> Env:
    """Read the environment once; raise one sentence when it cannot work."""
    try:
        return Env()  # type: ignore[call-arg]  # the fields come from the environment
    except ValidationError as error:
        raise ConfigurationError("; ".join(_sentence(e) for e in error.errors())) from None


def _sentence(error: object) -> str:
    assert isinstance(error, dict)
    name = "_".join(str(part) for part in error["loc"]).upper()
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {message} (got {error.get('input')!r})" if name else message
