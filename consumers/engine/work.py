"""What moves between the stages of the pipeline?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from providers.base import Message, Outcome, Provider


@dataclass(slots=True)
class Held:
    """A row this process holds, from its claim until its move is written."""

    row: Any  #: the claim's answer: id, merchant_id, mode, channel, category, priority, address, attempt, …
    claim_id: UUID


@dataclass(slots=True)
class Ready:
    """Rendered and routed: only a free slot is missing."""

    held: Held
    message: Message
    account: Account


@dataclass(slots=True, eq=False)
class Account:
    """A provider account as this process uses it: its adapter and its calls in flight."""

    id: int
    provider: Provider
    key: str
    receipt_url: str
    concurrency: int
    in_flight: int = 0

    @property
    def free(self) -> int:
        return self.concurrency - self.in_flight


@dataclass(slots=True)
class Called:
    """A call came back."""

    ready: Ready
    outcome: Outcome


class Gate:
    """How many rows this process may hold at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self._changed = asyncio.Event()

    @property
    def free(self) -> int:
        return self.limit - self.held

    def take(self, count: int) -> None:
        self.held += count

    def give(self, count: int) -> None:
        self.held -= count
        self._changed.set()

    async def wait_free(self, at_least: int = 1) -> None:
        while self.free < at_least:
            self._changed.clear()
            await self._changed.wait()

    async def wait_idle(self) -> None:
        while self.held:
            self._changed.clear()
            await self._changed.wait()
