"""How does work come when there is no broker?

The same relay as the dispatcher's, in a thread of this process, hands its envelopes to this loop instead of
RabbitMQ: same rows, same states, same fairness. One process owns a lane at a time; its rows come back by lease and
sweeper when it dies. Waits stay in the ledger, so there is no ladder.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

import psycopg

from techrar.broker.envelope import Envelope
from techrar.broker.topology import Step
from techrar.dispatch import process
from techrar.ledger.reservations import give_back

log = logging.getLogger(__name__)


@dataclass(order=True, slots=True)
class _Place:
    """Larger priorities first, then first come."""

    rank: int
    number: int
    envelope: Envelope = field(compare=False)


class LedgerTaken:
    __slots__ = ("_source", "envelope")
    redelivered = False

    def __init__(self, envelope: Envelope, source: LedgerSource) -> None:
        self.envelope = envelope
        self._source = source

    async def ack(self) -> None:
        """The envelope's row went with the claim; nothing else knows of it."""

    async def requeue(self) -> None:
        self._source.unclaimed.append(self.envelope.publish_id)


class LedgerSource:
    has_ladder = False

    def __init__(self, dsn: str, lanes: Sequence[str], *, name: str, new_id: Callable[[], UUID]) -> None:
        self.dsn = dsn
        self.unclaimed: list[UUID] = []
        self._stop = threading.Event()
        self._heap: list[_Place] = []
        self._numbers = count()
        self._arrived = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = process.relay_thread(
            f"{name}-relay", dsn, lanes=lanes, publisher=lambda: self, new_id=new_id, stop=self._stop
        )

    @property
    def trouble(self) -> str:
        return "" if self._thread.is_alive() else "the relay of this process has ended"

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def publish(self, envelopes: Sequence[Envelope], *, deadline: float) -> set[UUID]:  # noqa: ARG002
        """Called by the relay's thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._arrive, list(envelopes))
        return {e.publish_id for e in envelopes}

    async def next(self) -> LedgerTaken:
        while not self._heap:
            self._arrived.clear()
            await self._arrived.wait()
        return LedgerTaken(heapq.heappop(self._heap).envelope, self)

    async def stop_taking(self) -> None:
        self._stop.set()
        await asyncio.to_thread(self._thread.join, 10.0)
        # What the thread handed over last is still on its way through the loop.
        await asyncio.sleep(0)
        self.unclaimed += [place.envelope.publish_id for place in self._heap]
        self._heap.clear()

    async def retry_later(self, items: Sequence[tuple[Envelope, Step]]) -> set[UUID]:
        raise AssertionError(f"there is no ladder, yet {len(items)} envelopes were to wait on it")

    async def bury(self, items: Sequence[tuple[Envelope, str]]) -> set[UUID]:
        """The ledger's dead letters are all there is to see."""
        return {envelope.publish_id for envelope, _ in items}

    async def close(self) -> None:
        if self.unclaimed:
            await asyncio.to_thread(self._give_back)

    def _give_back(self) -> None:
        try:
            with process.connect(self.dsn, "give-back") as connection:
                give_back(connection, self.unclaimed)
        except psycopg.OperationalError as error:
            log.warning("%d envelopes are left to the sweeper: %s", len(self.unclaimed), error)

    def _arrive(self, envelopes: Sequence[Envelope]) -> None:
        for e in envelopes:
            heapq.heappush(self._heap, _Place(-e.priority, next(self._numbers), e))
        self._arrived.set()
