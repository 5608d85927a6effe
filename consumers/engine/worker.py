"""One consumer process: its stages, its start and its stop.

Envelopes → claims → messages → calls → outcomes, each stage its own task with a bounded queue before it, so that a
call of thirty seconds holds up nothing but itself. Stopping keeps an order: take no more, release what was not
called, wait for calls in flight, write outcomes, close.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from consumers.engine.calls import Calls
from consumers.engine.database import Database
from consumers.engine.intake import Intake
from consumers.engine.outbox import Flushed, Outbox
from consumers.engine.prepare import Desk, Preparation
from consumers.engine.source import Source
from consumers.engine.work import Gate, Held
from techrar.ledger import claims

log = logging.getLogger(__name__)

WATCH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    dsn: str
    process: str
    shard: int
    most_held: int = 4000  #: rows claimed and not yet written; one flow alone may hold half of them
    #: Longest wait of an outcome for company. What is not written when a process dies has an unknown end.
    linger: float = 0.04
    grace: float = 25.0  #: longest wait for calls in flight at the stop


class Worker:
    def __init__(
        self,
        source: Source,
        desk: Desk,
        options: Options,
        *,
        new_id: Callable[[], UUID],
        flushed: Flushed | None = None,
    ) -> None:
        self.source = source
        self.options = options
        self.gate = Gate(options.most_held)
        self.databases = {name: Database(options.dsn, name=name) for name in ("claim", "begin", "flush", "watch")}
        self.outbox = Outbox(
            self.databases["flush"],
            source,
            self.gate,
            shard=options.shard,
            new_id=new_id,
            linger=options.linger,
            flushed=flushed,
        )
        self.calls = Calls(self.databases["begin"], self.gate, desk.routes, settle=self.outbox.put)
        self.preparation = Preparation(desk, settle=self.outbox.put, hand_on=self.calls.take)
        self.intake = Intake(
            source, self.databases["claim"], self.gate, process=options.process, new_id=new_id, hand_on=self._claimed
        )
        self._batches: asyncio.Queue[list[Held]] = asyncio.Queue(maxsize=4)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set or a stage fails; then finish in order."""
        await self.source.start()
        front = [self._task(self.intake.pump()), self._task(self.intake.run())]
        back = [
            self._task(c) for c in (self._prepare(), self.calls.run(), self.outbox.run(), self._renew(), self._watch())
        ]
        stopping = self._task(stop.wait())
        try:
            ends = [*front, *back, stopping, self.calls.failure]
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await self._finish(front, back)
            for end in done:
                end.result()
        finally:
            await self.source.close()
            for database in self.databases.values():
                await database.close()

    def _task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.create_task(work)

    async def _claimed(self, held: list[Held]) -> None:
        self.outbox.opened(held)
        await self._batches.put(held)

    async def _prepare(self) -> None:
        while True:
            await self.preparation.take(await self._batches.get())
            self._batches.task_done()

    async def _watch(self) -> None:
        """What was claimed but waits for a free slot feels a pause or a brake, too."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            await self.calls.look_around()
            flows = sorted(self.calls.waiting_flows)
            if flows:
                self.calls.halt(await self.databases["watch"].run(partial(claims.halted, flows=flows)))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(claims.LEASE_SECONDS / 3)
            if self.outbox.open:
                await self.databases["watch"].run(self._renew_open)

    async def _renew_open(self, connection: AsyncConnection[Any]) -> None:
        await claims.renew(connection, claims=list(self.outbox.open))

    async def _finish(self, front: list[asyncio.Task[Any]], back: list[asyncio.Task[Any]]) -> None:
        await self.source.stop_taking()
        async with self.intake.claiming:
            for task in front:
                task.cancel()
        await asyncio.wait(front)
        await self.intake.give_back()
        self.calls.stopping = True
        try:
            async with asyncio.timeout(self.options.grace):
                await self._batches.join()
                self.calls.release_waiting()
                while self.calls.running:
                    await asyncio.wait(set(self.calls.running))
                await self.gate.wait_idle()
        except TimeoutError:
            log.error("stopping with %d rows still held; their leases will run out", self.gate.total)  # noqa: TRY400
        for task in back:
            task.cancel()
        await asyncio.wait(back)
