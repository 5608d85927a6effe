"""From ready messages to outcomes.

Starts what has a free slot, in the order of ids. Before anything is called, one statement notes which rows may have
been: if this process dies in between, only those have an unknown end. A row whose lease is nearly over is released,
not called.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from consumers.engine.database import Database
from consumers.engine.work import Account, Called, Gate, Held, Ready
from providers.base import Outcome, OutcomeKind
from techrar.core.storable import storable
from techrar.ledger import claims
from techrar.ledger.moves import Move
from techrar.ledger.states import State
from techrar.policy import retry
from techrar.policy.categories import category

#: Ids are indexed, and an index entry has a limit.
LONGEST_VENDOR_ID = 500
#: Noting one call costs as much as noting twenty: when only a few could start, and others are under way, they wait so
#: many seconds for company.
COMPANY_SECONDS = 0.004
FEW = 4  #: fewer than this part of what an account takes at once

NUL = b"\\u0000"

#: How an outcome is called in a delivery's timeline.
EVENTS = {
    OutcomeKind.ACCEPTED: "sent",
    OutcomeKind.RETRY: "attempt_failed",
    OutcomeKind.THROTTLED: "throttled",
    OutcomeKind.REJECTED: "failed",
    OutcomeKind.MISCONFIGURED: "attempt_failed",
    OutcomeKind.AMBIGUOUS: "unclear",
}


@dataclass(slots=True)
class Call:
    account: Account
    batch: list[Ready]


@dataclass(slots=True)
class Line:
    """What waits for one account."""

    account: Account
    ready: deque[Ready] = field(default_factory=deque)

    @property
    def few(self) -> bool:
        """Could so few rows start that the next ones are worth waiting for?"""
        size = self.account.provider.capabilities.max_batch
        could = min(self.account.free * size, len(self.ready))
        return could < self.account.concurrency * size // FEW and self.account.in_flight > 0

    def startable(self) -> list[Call]:
        size = self.account.provider.capabilities.max_batch
        calls: list[Call] = []
        while self.ready and len(calls) < self.account.free:
            calls.append(Call(self.account, [self.ready.popleft() for _ in range(min(size, len(self.ready)))]))
        return calls


class Calls:
    def __init__(self, database: Database, gate: Gate, *, settle: Callable[[Held, Move], None]) -> None:
        self.database = database
        self.gate = gate
        self.settle = settle
        self.lines: dict[int, Line] = {}
        self.running: set[asyncio.Task[None]] = set()
        self.stopping = False
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wake = asyncio.Event()

    def take(self, ready: list[Ready]) -> None:
        for r in ready:
            line = self.lines.get(r.account.id)
            if line is None or line.account is not r.account:
                line = self._line(r.account)
            line.ready.append(r)
        self._wake.set()

    def _line(self, account: Account) -> Line:
        """A changed account gets its own line; what waits for the old one moves over."""
        old = self.lines.get(account.id)
        line = Line(account, deque(old.ready if old else ()))
        self.lines[account.id] = line
        return line

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            if all(line.few for line in self.lines.values()):
                await asyncio.sleep(COMPANY_SECONDS)
            self._wake.clear()
            if self.stopping:
                self.release_waiting()
                continue
            calls = [call for line in self.lines.values() for call in line.startable()]
            if calls:
                await self._begin(calls)

    def release_waiting(self) -> None:
        """What was not called goes back unharmed."""
        for line in self.lines.values():
            while line.ready:
                self._release(line.ready.popleft())

    @property
    def waiting_flows(self) -> set[int]:
        return {r.held.row.flow_id for line in self.lines.values() for r in line.ready}

    def halt(self, flows: set[int]) -> None:
        """Give back what waits of these flows; the next claim, if there is one, is told what became of them."""
        for line in self.lines.values():
            for r in [r for r in line.ready if r.held.row.flow_id in flows]:
                line.ready.remove(r)
                self._release(r)

    async def _begin(self, calls: list[Call]) -> None:
        for call in calls:
            call.account.in_flight += 1
        rows = [r for call in calls for r in call.batch]
        begun = await self.database.run(
            lambda connection: claims.begin(
                connection,
                claims=[r.held.claim_id for r in rows],
                ids=[r.held.row.id for r in rows],
                margin=claims.LEASE_MARGIN,
            )
        )
        started: Counter[int] = Counter()
        for call in calls:
            ours = [r for r in call.batch if r.held.claim_id in begun]
            for r in call.batch:
                if r.held.claim_id not in begun:
                    self._release(r)
            if ours:
                for r in ours:
                    r.held.called = True
                    started[r.held.row.flow_id] += 1
                task = asyncio.create_task(self._call(call.account, ours))
                self.running.add(task)
                task.add_done_callback(self._ended)
            else:
                call.account.in_flight -= 1
                # Nothing comes back from this call that would say that its slot is free.
                self._wake.set()
        self.gate.call(started)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        # `deliver` never raises; when it does all the same, the process must not go on as if it had answered.
        if not task.cancelled() and (error := task.exception()) and not self.failure.done():
            self.failure.set_exception(error)

    def _release(self, ready: Ready) -> None:
        self.settle(ready.held, Move(ready.held.row.id, State.ACCEPTED))

    async def _call(self, account: Account, batch: list[Ready]) -> None:
        by_id = {r.message.delivery_id: r for r in batch}
        try:
            outcomes = await account.provider.deliver([r.message for r in batch])
        finally:
            account.in_flight -= 1
            self._wake.set()
        for outcome in outcomes:
            ready = by_id[outcome.delivery_id]
            self.settle(ready.held, move(Called(ready, outcome)))


def move(called: Called, *, rng: Callable[[], float] = random.random) -> Move:
    """What the ledger must learn from an outcome."""
    row, outcome, account = called.ready.held.row, called.outcome, called.ready.account
    step = retry.after(
        outcome.kind,
        attempt=row.attempt,
        priority=row.priority,
        resend_unclear=category(row.category).resend_unclear,
        idempotent=account.provider.capabilities.idempotent,
        retry_after=outcome.retry_after,
        expires_in=row.expires_in,
        rng=rng,
    )
    return Move(
        row.id,
        step.state,
        kind=EVENTS[outcome.kind] if step.state is not State.DEAD else "dead",
        delay=step.delay,
        reason=outcome.reason,
        account_id=account.id,
        attempt=step.attempt,
        possible_duplicate=True if step.possible_duplicate else None,
        cost_micros=outcome.cost_micros,
        currency=outcome.currency,
        vendor_id=storable(outcome.vendor_id)[:LONGEST_VENDOR_ID] if outcome.vendor_id else "",
        vendor_index=not account.provider.capabilities.echoes_delivery_id,
        detail=_detail(outcome, account),
    )


def _detail(outcome: Outcome, account: Account) -> str:
    said = {"provider": account.key, "latency_ms": outcome.latency_ms, **outcome.detail}
    try:
        text = orjson.dumps(said, default=str)
    except orjson.JSONEncodeError:  # half of a pair of characters
        text = orjson.dumps(storable(said), default=str)
    if NUL in text:
        text = orjson.dumps(storable(said), default=str)
    return text.decode()
