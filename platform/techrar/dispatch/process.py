"""The dispatcher process: a thread for urgent lanes, one for bulk lanes, one for the clock, one for campaigns.

Urgent lanes have a thread, a database session and a broker connection of their own, so that nothing bulk does can
stand before them. A thread that loses its database starts over; its advisory locks, and so its lanes, go to another
dispatcher.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import Connection, sql

from techrar.dispatch.clock import Clock
from techrar.dispatch.relay import Publisher, Relay
from techrar.dispatch.sql import CHANNEL

log = logging.getLogger(__name__)

BUSY_PAUSE = 0.02
IDLE_PAUSE = 0.25
TICK = 0.2


Session = Callable[[Connection[Any]], None]

#: What apps above this one have a dispatcher do in a thread of its own, by the thread's name.
SESSIONS: dict[str, Callable[[threading.Event], Session]] = {}


def connect(dsn: str, name: str) -> Connection[Any]:
    return psycopg.connect(dsn, autocommit=True, connect_timeout=5, application_name=f"techrar-{name}")


class Thread(threading.Thread):
    """Runs `session` for ever; after a lost database, again with a pause."""

    def __init__(self, name: str, dsn: str, session: Session, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.dsn = dsn
        self.session = session
        self.stop_event = stop
        self.failure: BaseException | None = None

    def run(self) -> None:
        while not self.stop_event.is_set():
            try:
                with connect(self.dsn, self.name) as connection:
                    self.session(connection)
            except psycopg.OperationalError as error:
                log.warning("%s: the database is out of reach, trying again: %s", self.name, error)
                self.stop_event.wait(1.0)
            except BaseException as error:
                self.failure = error
                self.stop_event.set()
                raise


def relay_session(relay_for: Callable[[Connection[Any]], Relay], stop: threading.Event) -> Session:
    """Rounds, as fast as there is work; between them, listen for the hint that there is more."""

    def session(connection: Connection[Any]) -> None:
        relay = relay_for(connection)
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
        while not stop.is_set():
            handed_over = relay.round()
            pause = BUSY_PAUSE if handed_over or relay.hot else IDLE_PAUSE
            for notice in connection.notifies(timeout=pause, stop_after=1):
                relay.wake({int(flow) for flow in notice.payload.split(",") if flow})

    return session


def clock_session(stop: threading.Event) -> Session:
    def session(connection: Connection[Any]) -> None:
        def woken(flows: set[int]) -> None:
            named = ",".join(str(f) for f in sorted(flows)[:200])
            connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, named))

        clock = Clock(connection, woken=woken)
        while not stop.is_set():
            clock.tick()
            stop.wait(TICK)

    return session


def run(threads: Sequence[Thread], stop: threading.Event) -> None:
    """Until told to stop, or a thread finds a bug: then the process ends, and its supervisor starts it anew."""
    for thread in threads:
        thread.start()
    while not stop.wait(0.5):
        pass
    deadline = time.monotonic() + 10
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    failures = [t.failure for t in threads if t.failure]
    if failures:
        raise failures[0]


def relay_thread(
    name: str, dsn: str, *, lanes: Sequence[str], publisher: Callable[[], Publisher], new_id: Any, stop: threading.Event
) -> Thread:
    made: list[Publisher] = []

    def relay_for(connection: Connection[Any]) -> Relay:
        # Made in the thread that owns it, and kept when only the database was lost.
        if not made:
            made.append(publisher())
        return Relay(connection, made[0], lanes=lanes, new_id=new_id)

    return Thread(name, dsn, relay_session(relay_for, stop), stop)
