"""From envelopes to claimed rows.

Takes what the source hands out, claims in one statement over all envelopes that wait, for no more rows than may
start, and acknowledges an envelope once each of its ids is claimed or refused.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from consumers.engine.database import Database
from consumers.engine.source import Source, Taken
from consumers.engine.work import Gate, Held
from techrar.ledger import claims


@dataclass(slots=True)
class Waiting:
    """An envelope of which `start` ids are already claimed or refused."""

    taken: Taken
    start: int = 0

    @property
    def left(self) -> int:
        return len(self.taken.envelope.ids) - self.start


@dataclass(slots=True)
class Cut:
    """What one claim asks for."""

    ids: list[UUID] = field(default_factory=list)
    envelopes: list[UUID] = field(default_factory=list)
    emptied: list[Waiting] = field(default_factory=list)
    flows: Counter[int] = field(default_factory=Counter)

    def add(self, waiting: Waiting, room: int) -> None:
        envelope = waiting.taken.envelope
        ids = envelope.ids[waiting.start : waiting.start + room]
        self.ids += ids
        self.envelopes.append(envelope.publish_id)
        self.flows[envelope.flow_id] += len(ids)
        waiting.start += len(ids)
        if not waiting.left:
            self.emptied.append(waiting)


def cut(line: deque[Waiting], gate: Gate) -> Cut:
    """Take off the line what the gate lets in; a flow that holds its part is passed by, and keeps its place.

    An envelope that must be alone is never mixed with others.
    """
    part = Cut()
    passed: deque[Waiting] = deque()
    wanted: Counter[int] = Counter()
    for waiting in line:
        wanted[waiting.taken.envelope.flow_id] += waiting.left
    resting = {flow for flow, rows in wanted.items() if not gate.worthwhile(flow, rows)}
    while line:
        envelope = line[0].taken.envelope
        if envelope.solo and (part.ids or passed):
            break
        room = 0 if envelope.flow_id in resting else gate.room(envelope.flow_id, besides=part.flows)
        waiting = line.popleft()
        if room > 0:
            part.add(waiting, room)
        if waiting.left:
            passed.append(waiting)
        if envelope.solo:
            break
    line.extendleft(reversed(passed))
    return part


class Intake:
    def __init__(
        self,
        source: Source,
        database: Database,
        gate: Gate,
        *,
        process: str,
        new_id: Callable[[], UUID],
        hand_on: Callable[[list[Held]], Awaitable[None]],
    ) -> None:
        self.source = source
        self.database = database
        self.gate = gate
        self.process = process
        self.new_id = new_id
        self.hand_on = hand_on
        self.inbox: asyncio.Queue[Taken] = asyncio.Queue(maxsize=4)
        self.waiting: deque[Waiting] = deque()
        #: Held while a claim is under way: whoever stops this stage takes it first, so that no claim is cut in two.
        self.claiming = asyncio.Lock()

    async def pump(self) -> None:
        """Keep the inbox filled."""
        while True:
            await self.inbox.put(await self.source.next())
            self.gate.changed.set()

    async def run(self) -> None:
        while True:
            await self._gather()
            self.gate.changed.clear()
            if self.waiting[0].taken.envelope.solo:
                # It killed its consumers before: nothing else may be on board with it.
                await self.gate.wait_idle()
                await self._claim()
                await self.gate.wait_idle()
            elif not await self._claim():
                # Until an outcome makes room, or an envelope of another flow comes.
                await self.gate.changed.wait()

    async def give_back(self) -> None:
        """Leave what is not claimed to others."""
        while not self.inbox.empty():
            self.waiting.append(Waiting(self.inbox.get_nowait()))
        for waiting in self.waiting:
            await waiting.taken.requeue()
        self.waiting.clear()

    async def _gather(self) -> None:
        if not self.waiting:
            self.waiting.append(Waiting(await self.inbox.get()))
        while not self.inbox.empty():
            self.waiting.append(Waiting(self.inbox.get_nowait()))
        if len(self.waiting) > 1:
            # What came later and is more urgent goes first; among equals the order stays.
            self.waiting = deque(sorted(self.waiting, key=lambda w: -w.taken.envelope.priority))

    async def _claim(self) -> bool:
        """Claim what may start; False when nothing may."""
        async with self.claiming:
            part = cut(self.waiting, self.gate)
            if part.ids:
                await self._claim_part(part)
            return bool(part.ids)

    async def _claim_part(self, part: Cut) -> None:
        claim_id = self.new_id()
        self.gate.take(part.flows)
        rows = await self.database.run(lambda connection: self._ask(connection, claim_id, part))
        for waiting in part.emptied:
            await waiting.taken.ack()
        self.gate.give(part.flows - Counter(row.flow_id for row in rows))
        if rows:
            await self.hand_on([Held(row, claim_id) for row in rows])

    async def _ask(self, connection: Any, claim_id: UUID, part: Cut) -> list[Any]:
        return await claims.claim(
            connection,
            claim_id=claim_id,
            ids=part.ids,
            envelopes=part.envelopes,
            emptied=[w.taken.envelope.publish_id for w in part.emptied],
            process=self.process,
        )
