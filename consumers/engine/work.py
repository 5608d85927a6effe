"""What moves between the stages of the pipeline?"""

from __future__ import annotations

import asyncio
from collections import Counter
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
    """How many rows this process may hold at once, and how many of them one flow may.

    A flow may hold as many as are still free: alone it gets half, two get a third each, and however many vendors stand
    still, there is always room for a flow that does not.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held: Counter[int] = Counter()  #: by flow
        self.total = 0
        self.changed = asyncio.Event()

    @property
    def free(self) -> int:
        return self.limit - self.total

    def room(self, flow: int, *, besides: Counter[int]) -> int:
        """How many more of a flow fit beside what is about to be taken, so that it holds no more than is left free."""
        free = self.free - besides.total()
        return max(0, (free - self.held[flow] - besides[flow] + 1) // 2)

    def take(self, flows: Counter[int]) -> None:
        self.held += flows
        self.total += flows.total()

    def give(self, flows: Counter[int]) -> None:
        self.held -= flows
        self.total -= flows.total()
        self.changed.set()

    async def wait_idle(self) -> None:
        while self.total:
            self.changed.clear()
            await self.changed.wait()
