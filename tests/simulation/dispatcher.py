"""A dispatcher process: production's relay and clock, one round or one chore at a time.

Each runs in a thread of its own, so that between two of its statements consumers and other dispatchers get on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from techrar.dispatch import sweeps
from techrar.dispatch.clock import Clock
from techrar.dispatch.relay import Relay
from tests.simulation.broker import Publisher
from tests.simulation.loop import Actor
from tests.simulation.process import Process
from tests.simulation.sessions import Blocking, Session

LANES = ("email", "email.urgent")
CHORES: dict[str, Callable[[Clock], object]] = {
    "wake": lambda clock: clock.wake(),
    "leases": lambda clock: clock.settle_leases(),
    "envelopes": lambda clock: sweeps.envelopes(clock.connection),
    "expire": lambda clock: clock.expire(),
}


class Part:
    """One of the dispatcher's threads: its session lives as long as its database lets it."""

    def __init__(self, process: Dispatcher, make: Callable[[Blocking, Actor], Any]) -> None:
        self.process = process
        self.make = make
        self.busy = False
        self.session: Session | None = None
        self.made: Any = None

    def start(self, work: Callable[[Any], object]) -> None:
        """One piece of work, unless the last one still runs."""
        if self.busy or not self.process.alive or self.process.world.time < self.process.no_database_until:
            return
        self.busy = True
        self.process.spawn(Actor(lambda actor: self._run(actor, work)).drive())

    def _run(self, actor: Actor, work: Callable[[Any], object]) -> None:
        try:
            if self.session is None or self.session.closed:
                self.session = Session(self.process)
                self.connection = Blocking(self.session, actor)
                self.made = self.make(self.connection, actor)
            self.connection.actor = actor
            work(self.made)
        except psycopg.OperationalError as error:
            # As `techrar.dispatch.process.Thread` does: a new session, a new relay, another try.
            self.process.world.note(self.process.name, f"starts over: {error}")
            if self.session is not None:
                self.session.abandon()
        finally:
            self.busy = False


class Dispatcher(Process):
    def __init__(self, world: Any, name: str) -> None:
        super().__init__(world, name)
        self._relay = Part(self, self._make_relay)
        self._clock = Part(self, self._make_clock)
        self.handed_over = 0
        self.hints: set[int] = set()

    @property
    def busy(self) -> bool:
        return self._relay.busy or self._clock.busy

    def round(self) -> None:
        self._relay.start(self._round)

    def chore(self, name: str) -> None:
        def work(clock: Clock) -> None:
            self.world.note(self.name, f"chore: {name}")
            CHORES[name](clock)

        self._clock.start(work)

    def _round(self, relay: Relay) -> None:
        relay.publisher.actor = self._relay.connection.actor  # type: ignore[attr-defined]
        relay.wake(self.hints)
        self.hints = set()
        self.handed_over += relay.round()

    def _make_relay(self, connection: Blocking, actor: Actor) -> Relay:
        return Relay(
            connection,  # type: ignore[arg-type]
            Publisher(self, actor),
            lanes=LANES,
            new_id=self.world.new_id,
            clock=lambda: self.world.time,
        )

    def _make_clock(self, connection: Blocking, actor: Actor) -> Clock:
        return Clock(
            connection,  # type: ignore[arg-type]
            woken=self._woken,
            monotonic=lambda: self.world.time,
            now=lambda: self.world.now(),
        )

    def _woken(self, flows: set[int]) -> None:
        """The hint; it may be lost."""
        if self.world.rng.random() < 0.5:
            self.hints |= flows
