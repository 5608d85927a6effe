"""What moves between the stages of the pipeline?"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from providers.base import Message, Outcome, Provider
from techrar.routing.budget import Budget
from techrar.routing.health import Breaker


def clock() -> float:
    """The event loop's own, so that a simulation may let it run as it likes."""
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class Held:
    """A row this process holds, from its claim until its move is written."""

    row: Any  #: the claim's answer: id, merchant_id, mode, channel, category, priority, address, attempt, …
    claim_id: UUID
    called: bool = False
    since: float = field(default_factory=clock)

    def late(self, now: float) -> bool:
        """Has its time run out while it was held?"""
        left = self.row.expires_in
        return left is not None and now - self.since >= left


@dataclass(slots=True)
class Ready:
    """Rendered and routed: only a free slot is missing."""

    held: Held
    message: Message
    account: Account


@dataclass(slots=True, eq=False)
class Account:
    """A provider account as this process uses it: its adapter, its calls in flight, and how it fares."""

    id: int
    provider: Provider
    key: str
    receipt_url: str
    concurrency: int
    in_flight: int = 0
    called_at: float = float("-inf")  #: the last time, by the loop's clock
    alone: bool = True  #: its merchant has no other on this channel
    breaker: Breaker = field(default_factory=Breaker)
    budget: Budget = field(default_factory=lambda: Budget(None, 0.0))

    @property
    def free(self) -> int:
        return self.concurrency - self.in_flight


@dataclass(slots=True)
class Called:
    """A call came back."""

    ready: Ready
    outcome: Outcome


#: Rows of one flow that wait here for a free slot: some 100 ms of them, and what goes back unharmed when we are killed.
MOST_WAITING = 500
#: A claim costs as much for ten rows as for a hundred: a flow that holds some already waits until so many fit.
WORTHWHILE = 200
NONE: Counter[int] = Counter()


class Gate:
    """How many rows this process may hold at once, and how many of them one flow may.

    A flow may hold as many as are still free: alone it gets half, two get a third each, and however many vendors stand
    still, there is always room for a flow that does not. Of those it holds only so many may wait for a free slot.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held: Counter[int] = Counter()  #: by flow
        self.waiting: Counter[int] = Counter()  #: of these, the ones that were not called yet
        self.total = 0
        self.changed = asyncio.Event()

    @property
    def free(self) -> int:
        return self.limit - self.total

    def room(self, flow: int, *, besides: Counter[int] = NONE) -> int:
        """How many more of a flow fit beside what is about to be taken, so that it holds no more than is left free."""
        fair = (self.free - besides.total() - self.held[flow] - besides[flow] + 1) // 2
        return max(0, min(fair, MOST_WAITING - self.waiting[flow] - besides[flow]))

    def worthwhile(self, flow: int, wanted: int) -> bool:
        """Is there so much room for a flow that a claim pays?"""
        return not self.held[flow] or self.room(flow) >= min(wanted, WORTHWHILE, self.limit // 4)

    def take(self, flows: Counter[int]) -> None:
        self.held += flows
        self.waiting += flows
        self.total += flows.total()

    def call(self, flows: Counter[int]) -> None:
        """These are being called: they wait no more."""
        self.waiting -= flows
        self.changed.set()

    def give(self, flows: Counter[int], *, called: Counter[int] = NONE) -> None:
        """These are not ours any more; `called` of them had been called."""
        self.held -= flows
        self.waiting -= flows - called
        self.total -= flows.total()
        self.changed.set()

    async def wait_idle(self) -> None:
        while self.total:
            self.changed.clear()
            await self.changed.wait()
