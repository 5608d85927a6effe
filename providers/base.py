"""What is a provider?

A vendor's file declares a subclass of `Provider`: identity, nested `Config`, capabilities, `send`, `verify`,
`parse_receipts`. The base owns what no vendor may forget: the clock, the translation of errors into outcomes, and
exactly one outcome per message.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

from providers.channel import Part
from providers.errors import Ambiguous, BadSignature, ProviderError
from providers.messages import (
    Capabilities,
    Message,
    Outcome,
    OutcomeKind,
    Reason,
    Receipt,
    ReceiptKind,
    ReceiptRequest,
)
from providers.redact import redact
from techrar.core.errors import ConfigurationError

if TYPE_CHECKING:
    from providers.http import Network

__all__ = [  # all that a vendor's file needs from here and below
    "ApiKey",
    "Capabilities",
    "Message",
    "Outcome",
    "OutcomeKind",
    "Part",
    "Provider",
    "ProviderConfig",
    "Reason",
    "Receipt",
    "ReceiptKind",
    "ReceiptRequest",
    "WithoutReceipts",
    "accepted",
]

log = logging.getLogger("techrar.providers")


class ProviderConfig(BaseModel):
    """What a merchant fills in. Every field has a `description`; secrets are `SecretStr`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _one_word(value: SecretStr) -> SecretStr:
    word = value.get_secret_value().strip()
    if not word or not word.isascii() or not word.isprintable() or " " in word:
        raise ValueError("must be one word of visible ASCII characters")
    return SecretStr(word)


#: What travels in a header: a line break that was copied with it must not reach the vendor.
ApiKey = Annotated[SecretStr, AfterValidator(_one_word)]


def _now() -> datetime:
    return datetime.now(UTC)


class Provider(ABC):
    """An adapter for one vendor on one channel. One instance per account and process."""

    key: ClassVar[str]
    channel: ClassVar[str]
    title: ClassVar[str]
    capabilities: ClassVar[Capabilities] = Capabilities()
    Config: ClassVar[type[ProviderConfig]] = ProviderConfig

    def __init__(self, config: Any, net: Network, *, now: Callable[[], datetime] = _now) -> None:
        self.config = config
        self.net = net
        self.now = now

    def __init_subclass__(cls, **kwargs: object) -> None:
        """A class with a key is a vendor: it is known from now on, and must be whole."""
        super().__init_subclass__(**kwargs)
        if "key" not in cls.__dict__:
            return
        missing = [name for name in dir(cls) if getattr(getattr(cls, name, None), "__isabstractmethod__", False)]
        if missing:
            raise ConfigurationError(f"provider {cls.channel}.{cls.key} must define {', '.join(missing)}")
        from providers.registry import PROVIDERS

        PROVIDERS.add(f"{cls.channel}.{cls.key}", cls)

    @abstractmethod
    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        """Hand up to `max_batch` messages to the vendor. Raise a `ProviderError` when all of them fail alike."""

    @classmethod
    @abstractmethod
    def verify(cls, config: Any, request: ReceiptRequest) -> None:
        """Refuse a receipt that the vendor did not sign: raise `BadSignature`."""

    @classmethod
    @abstractmethod
    def parse_receipts(cls, config: Any, request: ReceiptRequest) -> list[Receipt]:
        """The vendor's words in ours. Called only after `verify`."""

    @classmethod
    def answer_challenge(cls, config: Any, request: ReceiptRequest) -> str | None:  # noqa: ARG003
        """What to answer a vendor that asks by GET whether this address expects it: None when it never asks.

        Raise `BadSignature` when it cannot be that vendor.
        """
        return None

    @classmethod  # noqa: B027 most vendors want nothing
    def confirm(cls, config: Any, request: ReceiptRequest) -> None:
        """Do what a vendor wants done before it reports, such as visiting an address. Called only after `verify`."""

    async def close(self) -> None:  # noqa: B027 most vendors hold nothing of their own
        """Give back sessions and hand over what is still to be said."""

    async def deliver(self, batch: Sequence[Message]) -> list[Outcome]:
        """`send` with a clock and a net: exactly one outcome for each message, in order, whatever the vendor does."""
        most = self.capabilities.max_batch
        if len(batch) > most:
            raise ValueError(f"{len(batch)} messages in one call of {self.channel}.{self.key}, which takes {most}")
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.capabilities.timeout):
                outcomes = _settle(self, batch, await self.send(batch))
        except ProviderError as error:
            outcomes = [error.outcome(message) for message in batch]
        except TimeoutError:
            late = Ambiguous(Reason.TIMEOUT, f"no answer within {self.capabilities.timeout:g} s")
            outcomes = [late.outcome(message) for message in batch]
        except Exception as error:  # noqa: BLE001 a bug in one adapter must not stop the others; it is logged as a bug
            _report_bug(self, batch)
            bug = Ambiguous(Reason.UNEXPECTED_ANSWER, "the adapter failed", error=type(error).__name__)
            outcomes = [bug.outcome(message) for message in batch]
        took = round((time.perf_counter() - started) * 1000)
        return [outcome if outcome.latency_ms else outcome.timed(took) for outcome in outcomes]


class WithoutReceipts:
    """Mixed into a vendor that never calls back: whatever claims to be its receipt is not."""

    @classmethod
    def verify(cls, config: Any, request: ReceiptRequest) -> None:  # noqa: ARG003 whatever is posted
        raise BadSignature("this provider posts no receipts")

    @classmethod
    def parse_receipts(cls, config: Any, request: ReceiptRequest) -> list[Receipt]:  # noqa: ARG003
        return []


def accepted(message: Message, vendor_id: str = "", *, cost: tuple[int, str] = (0, ""), **detail: object) -> Outcome:
    """The vendor took this message, for so many millionths of a currency."""
    micros, currency = cost
    return Outcome(
        message.delivery_id,
        OutcomeKind.ACCEPTED,
        vendor_id=vendor_id,
        detail=detail,
        cost_micros=micros,
        currency=currency,
    )


def _settle(provider: Provider, batch: Sequence[Message], outcomes: Iterable[Outcome]) -> list[Outcome]:
    """One outcome per message, in the batch's order: the first one counts, a missing one is ambiguous."""
    outcomes = list(outcomes)
    if [outcome.delivery_id for outcome in outcomes] == [message.delivery_id for message in batch]:
        return outcomes
    first: dict[object, Outcome] = {}
    surplus = 0
    wanted = {message.delivery_id for message in batch}
    for outcome in outcomes:
        if outcome.delivery_id in wanted and outcome.delivery_id not in first:
            first[outcome.delivery_id] = outcome
        else:
            surplus += 1
    if surplus:
        log.error("%s.%s answered %d outcomes too many", provider.channel, provider.key, surplus)
    missing = [message for message in batch if message.delivery_id not in first]
    if missing:
        ids = ", ".join(str(message.delivery_id) for message in missing)
        log.error("%s.%s forgot the outcome of %s", provider.channel, provider.key, ids)
    forgotten = Ambiguous(Reason.UNEXPECTED_ANSWER, "the answer does not mention this message")
    return [first.get(message.delivery_id) or forgotten.outcome(message) for message in batch]


def _report_bug(provider: Provider, batch: Sequence[Message]) -> None:
    """The stack of a bug, without the personal data that exception texts like to carry."""
    ids = ", ".join(str(message.delivery_id) for message in batch)
    stack = redact(traceback.format_exc(), limit=20_000)
    log.error("bug in %s.%s while sending %s\n%s", provider.channel, provider.key, ids, stack)
