"""From ready messages to outcomes.

Starts what has a free slot, in the order of ids. What waits for an account that fails goes another way at once.
Before anything is called, one statement notes which rows may have
been: if this process dies in between, only those have an unknown end. A row whose lease is nearly over is released,
not called.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from consumers.engine.database import Database
from consumers.engine.outcomes import late, move, nowhere, parked
from consumers.engine.routes import Routes, blocked, learn
from consumers.engine.work import Account, Called, Gate, Held, Ready, clock
from providers.base import Outcome, OutcomeKind
from techrar.ledger import claims
from techrar.ledger.moves import Move
from techrar.ledger.states import State
from techrar.routing.health import ENOUGH_PROBES, LONGEST_PAUSE
from techrar.routing.health import State as Health

#: Noting one call costs as much as noting twenty: when only a few could start, and others are under way, they wait so
#: many seconds for company.
COMPANY_SECONDS = 0.004
#: What has to wait longer for its account's pause to end waits in the ledger, not here.
LONGEST_HELD = LONGEST_PAUSE
FEW = 4  #: fewer than this part of what an account takes at once


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

    def startable(self, now: float) -> list[Call]:
        account = self.account
        if not self.ready or blocked(account, now):
            return []
        size, slots = account.provider.capabilities.max_batch, account.free
        if account.breaker.state is Health.HALF_OPEN:
            size, slots = 1, min(slots, ENOUGH_PROBES - account.in_flight)
        room = account.budget.room(now)
        left = len(self.ready) if room is None else min(room, len(self.ready))
        calls: list[Call] = []
        while left and len(calls) < slots:
            batch = [self.ready.popleft() for _ in range(min(size, left))]
            left -= len(batch)
            account.budget.take(len(batch))
            calls.append(Call(account, batch))
        return calls

    def late(self, now: float) -> list[Ready]:
        """Take out what has waited until it was of no more use."""
        gone = [r for r in self.ready if r.held.late(now)]
        if gone:
            self.ready = deque(r for r in self.ready if not r.held.late(now))
        return gone


class Calls:
    def __init__(self, database: Database, gate: Gate, routes: Routes, *, settle: Callable[[Held, Move], None]) -> None:
        self.database = database
        self.gate = gate
        self.routes = routes
        self.settle = settle
        self.lines: dict[int, Line] = {}
        self.running: set[asyncio.Task[None]] = set()
        self.stopping = False
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wake = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None

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
            now = clock()
            calls = [call for line in self.lines.values() for call in line.startable(now)]
            if calls:
                await self._begin(calls)
            self._set_alarm()

    def _set_alarm(self) -> None:
        """Nothing else wakes us when a budget fills, or a pause is over."""
        now = clock()
        waits = [blocked(line.account, now) for line in self.lines.values() if line.ready and line.account.free]
        if soonest := min((seconds for seconds in waits if seconds), default=0.0):
            if self._alarm:
                self._alarm.cancel()
            self._alarm = asyncio.get_running_loop().call_later(soonest, self._wake.set)

    def release_waiting(self) -> None:
        """What was not called goes back unharmed."""
        for line in self.lines.values():
            while line.ready:
                self._release(line.ready.popleft())

    async def look_around(self) -> None:
        """Now and then: what became too late while it waited, and whether what waits should go another way."""
        now = clock()
        for line in self.lines.values():
            for r in line.late(now):
                self.settle(r.held, late(r.held))
        await self.routes.refresh([line.ready[0].held.row for line in self.lines.values() if line.ready])
        for line in list(self.lines.values()):
            self._reroute(line)

    def _reroute(self, line: Line) -> None:
        """From what this process knows: the ledger is not asked."""
        waiting, line.ready = line.ready, deque()
        rest = blocked(line.account, clock())
        moved: list[Ready] = []
        for r in waiting:
            account = self.routes.again(r.held.row, line.account)
            if account is None:
                self.settle(r.held, nowhere(r.held))
            elif account is line.account and rest > LONGEST_HELD:
                self.settle(r.held, parked(r.held, rest))
            elif account is line.account:
                line.ready.append(r)
            else:
                r.account, r.message = account, replace(r.message, receipt_url=account.receipt_url)
                moved.append(r)
        self.take(moved)

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

    def _elsewhere(self, ready: Ready, outcome: Outcome, account: Account) -> bool:
        """May another account try at once? One that has to rest is good enough when this one is refused for good."""
        if outcome.kind is OutcomeKind.MISCONFIGURED:
            return self.routes.again(ready.held.row, account) is not None
        return outcome.kind is OutcomeKind.RETRY and self.routes.elsewhere(ready.held.row, account)

    def _release(self, ready: Ready) -> None:
        self.settle(ready.held, Move(ready.held.row.id, State.ACCEPTED))

    async def _call(self, account: Account, batch: list[Ready]) -> None:
        by_id = {r.message.delivery_id: r for r in batch}
        started = account.called_at = clock()
        try:
            outcomes = await account.provider.deliver([r.message for r in batch])
        finally:
            account.in_flight -= 1
            self._wake.set()
        now = clock()
        worse = learn(self.routes, account, outcomes, seconds=now - started, now=now)
        for outcome in outcomes:
            ready = by_id[outcome.delivery_id]
            self.settle(ready.held, move(Called(ready, outcome), elsewhere=self._elsewhere(ready, outcome, account)))
        line = self.lines.get(account.id)
        if worse and line and not self.stopping:
            self._reroute(line)
