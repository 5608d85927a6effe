"""What is a provider, and what can a call to one come to?

A vendor's file declares a subclass of `Provider`: identity, nested `Config`, capabilities, `send`, `verify`, `parse_receipts`.
The base owns what no vendor may forget: timing, translation of errors into outcomes, exactly one outcome per message.
"""

from __future__ import annotations

import inspect
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel

from providers.errors import ProviderError


class OutcomeKind(StrEnum):
    """What one provider call came to, for one message. The engine branches on this and on nothing else."""

    ACCEPTED = "accepted"  #: the vendor took it
    RETRY = "retry"  #: nothing was sent; try again later
    THROTTLED = "throttled"  #: too fast; wait `retry_after`, without using an attempt
    REJECTED = "rejected"  #: this message to this address will never work
    MISCONFIGURED = "misconfigured"  #: the account is wrong, not the message
    AMBIGUOUS = "ambiguous"  #: it may or may not have been sent


class ReceiptKind(StrEnum):
    """What a vendor tells us later."""

    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"  #: will never arrive; `permanent` says whether the address is dead
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    OPENED = "opened"
    CLICKED = "clicked"
    READ = "read"
    UNKNOWN = "unknown"  #: a vendor word we have no word for; the raw payload is kept


class Part(StrEnum):
    """How a field of a channel's content is rendered."""

    LINE = "line"  #: one line of text: control characters and line breaks are stripped
    TEXT = "text"  #: plain text, not escaped
    HTML = "html"  #: escaped
    DATA = "data"  #: JSON; every string inside is rendered as text
    URL = "url"  #: an http(s) address


@dataclass(frozen=True, slots=True)
class Message:
    """One rendered delivery, ready for a vendor."""

    delivery_id: UUID
    channel: str
    address: str
    content: Mapping[str, Any]
    sender: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    category: str = "transactional"
    attempt: int = 1
    receipt_url: str = ""  #: where the vendor should post receipts for this account


@dataclass(frozen=True, slots=True)
class Outcome:
    delivery_id: UUID
    kind: OutcomeKind
    reason: str = ""  #: one of `providers.errors.Reason`
    vendor_id: str = ""
    retry_after: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)  #: redacted request and answer, for the timeline
    latency_ms: int = 0
    cost_micros: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A vendor's later word about one message, in our words."""

    event_id: str  #: unique per provider: the same word twice has the same id
    kind: ReceiptKind
    at: datetime
    delivery_id: UUID | None = None  #: when the vendor echoes it
    vendor_id: str = ""
    reason: str = ""
    permanent: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capabilities:
    max_batch: int = 1  #: messages per call
    concurrency: int = 64  #: calls in flight per process
    timeout: float = 10.0  #: seconds a call may take, all in
    receipts: bool = False
    echoes_delivery_id: bool = False
    idempotent: bool = False  #: the vendor drops a second call with the same delivery id
    sandbox: bool = False  #: never reaches a real person: the only kind test mode may use


class Provider(ABC):
    """An adapter for one vendor on one channel. One instance per account and process."""

    key: ClassVar[str]
    channel: ClassVar[str]
    title: ClassVar[str]
    capabilities: ClassVar[Capabilities] = Capabilities()

    class Config(BaseModel):
        """What a merchant fills in. Secrets are `SecretStr`."""

    def __init__(self, config: BaseModel) -> None:
        self.config: Any = config

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if not inspect.isabstract(cls) and getattr(cls, "key", None):
            from providers.registry import PROVIDERS

            PROVIDERS.add(f"{cls.channel}.{cls.key}", cls)

    @abstractmethod
    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        """Hand up to `max_batch` messages to the vendor. Raise a `ProviderError` when all of them fail alike."""

    @classmethod
    @abstractmethod
    def verify(cls, config: Any, headers: Mapping[str, str], body: bytes) -> None:
        """Refuse a receipt that the vendor did not sign: raise `BadSignature`. A vendor without receipts refuses all."""

    @classmethod
    @abstractmethod
    def parse_receipts(cls, config: Any, headers: Mapping[str, str], body: bytes) -> list[Receipt]:
        """The vendor's words in ours."""

    async def close(self) -> None:
        """Give back sessions."""

    async def deliver(self, batch: Sequence[Message]) -> list[Outcome]:
        """`send` with a clock and a net: exactly one outcome for each message, whatever the vendor does."""
        raise NotImplementedError
