"""How does a provider behave that never reaches anybody, and does on request whatever a real one might do?

The address decides: `bounce@…` bounces, `flaky@…` fails once, everything else is delivered. Each channel's own
`sandbox.py` only says how to read such a word from its addresses. Receipts come back through the real endpoint.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import orjson
from pydantic import Field, SecretStr, field_validator

from providers import signing
from providers.base import (
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
from providers.sandbox_magic import MAGIC, Behaviour
from providers.sandbox_receipts import Poster

_REMEMBERED = 10_000


class Sandbox(Provider):
    """Shared by every channel's sandbox, which adds `channel`, `word` and `address_for`."""

    capabilities = Capabilities(max_batch=100, receipts=True, echoes_delivery_id=True, sandbox=True)
    most_receipts: ClassVar[int] = 50_000

    class Config(ProviderConfig):
        secret: SecretStr = Field(
            default_factory=lambda: SecretStr(signing.new_secret()), description="Signs the receipts it posts."
        )
        latency_ms: int = Field(0, ge=0, le=5_000, description="How long every call takes.")
        slow_ms: int = Field(3_000, ge=0, le=8_000, description="How long a call with a `slow` address takes.")
        receipts: bool = Field(True, description="Whether it posts receipts at all.")
        receipt_delay_ms: int = Field(100, ge=0, le=60_000, description="How long after accepting it posts them.")

        @field_validator("secret")
        @classmethod
        def _well_formed(cls, value: SecretStr) -> SecretStr:
            signing.key_of(value.get_secret_value())
            return value

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._failed_once: OrderedDict[UUID, None] = OrderedDict()
        self._poster = Poster(self.net, [_key(self.config)], now=self.now, most=self.most_receipts)

    @staticmethod
    @abstractmethod
    def word(address: str) -> str:
        """The magic word in an address of this channel, or anything else."""

    @staticmethod
    @abstractmethod
    def address_for(word: str) -> str:
        """An address of this channel with that word, for documentation and tests."""

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        plans = [(message, MAGIC.get(self.word(message.address), MAGIC["delivered"])) for message in batch]
        wait = max(self._seconds(plan) for _, plan in plans)
        if wait:
            await asyncio.sleep(wait)
        if len(plans) == 1 and plans[0][1].bug:
            raise RuntimeError("sandbox: this bug was asked for")
        # In a larger batch the bug is an answer that leaves one message out, so that the others do not suffer from it.
        return [self._outcome(message, plan) for message, plan in plans if not plan.bug]

    def _seconds(self, plan: Behaviour) -> float:
        if plan.late:
            return self.capabilities.timeout - 0.5
        return float(self.config.slow_ms if plan.slow else self.config.latency_ms) / 1000

    def _outcome(self, message: Message, plan: Behaviour) -> Outcome:
        failing = plan.failure if not plan.once or self._first_time(message) else None
        vendor_id = f"sandbox-{message.delivery_id.hex}-{message.attempt}"
        if self.config.receipts and message.receipt_url and not (failing and plan.once):
            self._poster.tell(message, vendor_id, plan.receipts, delay=self.config.receipt_delay_ms / 1000)
        return failing.outcome(message) if failing else accepted(message, vendor_id)

    def _first_time(self, message: Message) -> bool:
        """Throttling uses no attempt, so the attempt's number alone would fail for ever."""
        if message.attempt > 1 or message.delivery_id in self._failed_once:
            return False
        self._failed_once[message.delivery_id] = None
        if len(self._failed_once) > _REMEMBERED:
            self._failed_once.popitem(last=False)
        return True

    @classmethod
    def verify(cls, config: Any, request: ReceiptRequest) -> None:
        signing.check([_key(config)], request)

    @classmethod
    def parse_receipts(cls, config: Any, request: ReceiptRequest) -> list[Receipt]:  # noqa: ARG003 nothing depends on it
        return [_receipt(event) for event in orjson.loads(request.body)["events"]]

    async def close(self) -> None:
        await self._poster.close()


def _key(config: Any) -> bytes:
    return signing.key_of(config.secret.get_secret_value())


def _receipt(event: dict[str, Any]) -> Receipt:
    known = event["type"] in set(ReceiptKind)
    return Receipt(
        event_id=event["id"],
        kind=ReceiptKind(event["type"]) if known else ReceiptKind.UNKNOWN,
        at=datetime.fromisoformat(event["at"]),
        delivery_id=UUID(event["delivery_id"]),
        vendor_id=event["vendor_id"],
        reason=event["reason"],
        permanent=event["permanent"],
        raw=event,
    )
