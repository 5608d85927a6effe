"""From outcomes to committed rows.

Collects moves for at most a few milliseconds or a few hundred rows, writes them in one statement, then sends short
retries to the ladder. Until a move is written its row stays held, and the database may be away for as long as it
likes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from consumers.engine.database import Database
from consumers.engine.source import Source
from consumers.engine.work import Gate, Held
from techrar.audience.addresses import Suppressed, suppress
from techrar.broker.envelope import Envelope
from techrar.broker.topology import LADDER, TOP_PRIORITY, Step
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.states import State

log = logging.getLogger(__name__)

LARGEST_FLUSH = 500

#: Told, after a flush, which runs have moved: (merchant, run). Must return at once and never fail.
Flushed = Callable[[Collection[tuple[int, int]]], None]


def rung(delay: float) -> Step | None:
    """The ladder's step nearest to a delay; None when it is longer than the ladder."""
    if delay > LADDER[-1].seconds * 1.2:
        return None
    return min(LADDER, key=lambda step: abs(step.seconds - delay))


#: Why a vendor refuses for good whatever goes to an address; as providers/messages.py words it.
NO_MORE = ("invalid_address", "unsubscribed")


@dataclass(slots=True)
class Settled:
    held: Held
    move: Move
    since: float  #: when it happened, by the monotonic clock


def no_more(batch: Sequence[Settled]) -> list[Suppressed]:
    """Addresses that are of no more use, as a vendor has just said.

    Written before the outcome and not with it: who waits for somebody that suppresses the same address must hold no
    counter. If we die in between, the vendor has said it all the same.
    """
    return [
        Suppressed(s.held.row.merchant_id, s.held.row.mode, s.held.row.channel, s.held.row.address, s.move.reason)
        for s in batch
        if s.move.state == State.FAILED and s.move.reason in NO_MORE
    ]


class Outbox:
    def __init__(
        self,
        database: Database,
        source: Source,
        gate: Gate,
        *,
        shard: int,
        new_id: Callable[[], UUID],
        linger: float,
        flushed: Flushed | None = None,
    ) -> None:
        self.database = database
        self.source = source
        self.gate = gate
        self.shard = shard
        self.new_id = new_id
        self.linger = linger
        self.flushed = flushed
        self.open: Counter[UUID] = Counter()  #: claim -> rows not yet written
        self._settled: list[Settled] = []
        self._some = asyncio.Event()
        self._many = asyncio.Event()

    def opened(self, held: Sequence[Held]) -> None:
        self.open.update(h.claim_id for h in held)

    def put(self, held: Held, move: Move) -> None:
        move.fence = held.claim_id
        self._settled.append(Settled(held, move, time.monotonic()))
        self._some.set()
        if len(self._settled) >= LARGEST_FLUSH:
            self._many.set()

    async def run(self) -> None:
        while True:
            await self._some.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._many.wait(), self.linger)
            await self.flush()

    async def flush(self) -> None:
        batch, self._settled = self._settled[:LARGEST_FLUSH], self._settled[LARGEST_FLUSH:]
        if len(self._settled) < LARGEST_FLUSH:
            self._many.clear()
        if not self._settled:
            self._some.clear()
        if not batch:
            return
        retries = self._ladder(batch)
        written = Counter(s.held.claim_id for s in batch)
        done = [claim for claim, n in written.items() if self.open[claim] == n]
        rows = await self.database.run(lambda connection: self._write(connection, batch, done))
        if self.flushed and (runs := {(r.merchant_id, r.run_id) for s in batch if (r := s.held.row).run_id}):
            self.flushed(runs)
        self.open -= written
        self.gate.give(
            Counter(s.held.row.flow_id for s in batch),
            called=Counter(s.held.row.flow_id for s in batch if s.held.called),
        )
        if len(rows) < len(batch):
            log.warning("%d outcomes were already written, or their lease had gone to another", len(batch) - len(rows))
        if retries:
            await self.source.retry_later(retries)

    async def _write(self, connection: Any, batch: Sequence[Settled], done: Sequence[UUID]) -> list[Any]:
        now = time.monotonic()
        for s in batch:
            s.move.age = now - s.since
        await suppress(connection, no_more(batch))
        cursor = await connection.execute(APPLY, parameters([s.move for s in batch], shard=self.shard, done=done))
        return list(await cursor.fetchall())

    def _ladder(self, batch: Sequence[Settled]) -> list[tuple[Envelope, Step]]:
        """Short waits go to the broker's ladder, one envelope per flow and step; long ones stay in the ledger."""
        groups: dict[tuple[int, str, int, Step], list[Move]] = {}
        for s in batch:
            step = rung(s.move.delay) if self.source.has_ladder else None
            if s.move.state == State.SCHEDULED and step is not None:
                row = s.held.row
                lane = row.channel if row.priority else f"{row.channel}.urgent"
                groups.setdefault((row.flow_id, lane, row.priority, step), []).append(s.move)
        made = []
        for (flow, lane, priority, step), moves in groups.items():
            publish_id = self.new_id()
            for move in moves:
                move.state, move.held_by, move.delay = State.QUEUED, publish_id, step.seconds
            made.append((Envelope(publish_id, flow, lane, TOP_PRIORITY - priority, [m.id for m in moves]), step))
        return made
