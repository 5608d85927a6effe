"""What may a broker do? Keep, order, delay, deliver twice, refuse, forget, and say less than it knows.

The promises that it does keep are those of docs/broker.md: what it holds it delivers by priority, what was handed to
a process that went away it delivers again, and a rung of the ladder ends in the queue that the envelope came from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from techrar.broker.envelope import Envelope, decode, encode
from techrar.broker.topology import Step
from techrar.ledger.states import State
from tests.simulation.server import SCHEMA

if TYPE_CHECKING:
    from tests.simulation.loop import Actor
    from tests.simulation.process import Process
    from tests.simulation.world import World

PREFETCH = 4
UNCLAIMED = f"""
SELECT count(*) FROM {SCHEMA}.delivery WHERE id = ANY(%(ids)s) AND held_by = %(envelope)s AND state = {State.QUEUED:d}
"""
#: What becomes of a publish: does the broker have it how often, and does it say so?
FATES = {"taken": (1, True), "refused": (0, False), "taken in silence": (1, False), "taken twice": (2, True)}


@dataclass(eq=False, slots=True)
class Letter:
    number: int
    priority: int
    body: bytes
    handed_out: bool = False


class Broker:
    def __init__(self, world: World) -> None:
        self.world = world
        self.queue: list[Letter] = []
        self.seen: list[Envelope] = []  #: every envelope that it ever took
        self.wipes = 0
        self.arrived = asyncio.Event()
        self._numbers = 0

    def take(self, envelope: Envelope, *, after: float = 0.0) -> None:
        """Into its queue, at once or by way of the ladder."""
        self.seen.append(envelope)
        if after:
            self.world.loop.call_later(after, self._climbed, envelope, self.wipes)
        else:
            self._numbers += 1
            self._put(Letter(self._numbers, envelope.priority, encode(envelope)))

    def _climbed(self, envelope: Envelope, wipes: int) -> None:
        if wipes == self.wipes:
            self.take(envelope)

    def _put(self, letter: Letter) -> None:
        self.queue.append(letter)
        self.queue.sort(key=lambda waiting: (-waiting.priority, waiting.number))
        self.arrived.set()

    def give_back(self, letters: Sequence[Letter], wipes: int) -> None:
        """What was handed out and never acknowledged."""
        if wipes == self.wipes:
            for letter in letters:
                letter.handed_out = True
                self._put(letter)

    def wipe(self) -> None:
        """As if its disk was new."""
        self.queue.clear()
        self.wipes += 1

    def publish(self, envelope: Envelope, *, after: float = 0.0) -> bool:
        """One publish; the answer is whether it was confirmed."""
        self.world.order.published(envelope.publish_id)
        fate = self.world.fate_of_a_publish()
        if fate != "taken":
            self.world.note("broker", f"{fate}: {envelope.publish_id}")
        times, confirmed = FATES[fate]
        for _ in range(times):
            self.take(envelope, after=after)
        return confirmed


class Publisher:
    """What a relay publishes with."""

    def __init__(self, process: Process, actor: Actor) -> None:
        self.process = process
        self.actor = actor

    def publish(self, envelopes: Sequence[Envelope], *, deadline: float) -> set[UUID]:
        confirmed = set()
        for envelope in envelopes:
            self.actor.pause(self.process.at(f"publishes {len(envelope.ids)} in {envelope.publish_id}"))
            if self.process.world.broker.publish(envelope):
                confirmed.add(envelope.publish_id)
        # Consumers may be done with all of it before the confirms are seen.
        self.actor.pause(self.process.at(f"sees {len(confirmed)} of {len(envelopes)} confirmed"))
        return confirmed


class Source:
    """What a consumer takes from; see `consumers.engine.source.Source`."""

    trouble = ""

    def __init__(self, process: Process, *, has_ladder: bool) -> None:
        self.process = process
        self.broker = process.world.broker
        self.has_ladder = has_ladder
        self.wipes = self.broker.wipes
        self.unacked: list[Letter] = []
        self.acked = asyncio.Event()
        self.taking = True

    async def start(self) -> None:
        pass

    async def next(self) -> Taken:
        while True:
            if not self.taking:
                await asyncio.Event().wait()
            if len(self.unacked) >= PREFETCH:
                self.acked.clear()
                await self.acked.wait()
            elif not self.broker.queue:
                self.broker.arrived.clear()
                await self.broker.arrived.wait()
            else:
                letter = self._fetch()
                taken = Taken(self, letter, self.wipes)
                await self.process.wait(f"takes {len(taken.envelope.ids)} in {taken.envelope.publish_id}")
                return taken

    def _fetch(self) -> Letter:
        if self.wipes != self.broker.wipes:
            self.unacked.clear()
            self.wipes = self.broker.wipes
        letter = self.broker.queue.pop(0)
        self.unacked.append(letter)
        return letter

    def settle(self, letter: Letter, wipes: int, *, back: bool) -> None:
        """To a broker that was wiped, or over a connection that is gone, an answer means nothing."""
        if letter in self.unacked:
            self.unacked.remove(letter)
            self.acked.set()
            if back:
                self.broker.give_back([letter], wipes)

    def lose_connection(self) -> None:
        """The broker has back what was not acknowledged; whoever holds it here does not know."""
        letters, self.unacked = self.unacked, []
        self.broker.give_back(letters, self.wipes)
        self.acked.set()

    async def stop_taking(self) -> None:
        self.taking = False

    async def retry_later(self, items: Sequence[tuple[Envelope, Step]]) -> set[UUID]:
        confirmed = set()
        for envelope, step in items:
            await self.process.wait(f"sends {len(envelope.ids)} up the ladder for {step.name} in {envelope.publish_id}")
            if self.broker.publish(envelope, after=step.seconds * self.process.world.rng.uniform(0.9, 1.1)):
                confirmed.add(envelope.publish_id)
        await self.process.wait(f"sees {len(confirmed)} of {len(items)} confirmed")
        return confirmed

    async def bury(self, items: Sequence[tuple[Envelope, str]]) -> set[UUID]:
        return {envelope.publish_id for envelope, _ in items}

    async def close(self) -> None:
        self.lose_connection()


class Taken:
    def __init__(self, source: Source, letter: Letter, wipes: int) -> None:
        self.source = source
        self.letter = letter
        self.wipes = wipes
        self.envelope = decode(letter.body)
        self.redelivered = letter.handed_out

    async def ack(self) -> None:
        world, name = self.source.process.world, self.envelope.publish_id
        if self.source.process.alive:
            world.note(self.source.process.name, f"acknowledges {name}")
            unclaimed = world.one(UNCLAIMED, {"ids": self.envelope.ids, "envelope": name})
            world.order.acknowledged(name, unclaimed=unclaimed)
            self.source.settle(self.letter, self.wipes, back=False)

    async def requeue(self) -> None:
        if self.source.process.alive:
            self.source.settle(self.letter, self.wipes, back=True)
