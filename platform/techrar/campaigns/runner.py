"""What does a dispatcher do for campaigns?

A thread of its own with a session of its own, so that neither the relays nor the clock wait for a chunk. Any number of
dispatchers may run: each takes chunks that no other has locked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from psycopg import Connection

from techrar.campaigns.expansion import ChunkFailed, Expansion
from techrar.campaigns.finishing import Finisher, hold
from techrar.dispatch.sql import CHANNEL

IDLE_PAUSE = 0.3
LOOK_EVERY = 1.0


def session(stop: threading.Event) -> Callable[[Connection[Any]], None]:
    def run(connection: Connection[Any]) -> None:
        runner = Runner(connection)
        while not stop.is_set():
            if not runner.round():
                stop.wait(IDLE_PAUSE)

    return run


class Runner:
    def __init__(self, connection: Connection[Any], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.connection = connection
        self.expansion = Expansion(connection)
        self.finisher = Finisher(connection)
        self.monotonic = monotonic
        self._look_at = 0.0

    def round(self) -> bool:
        """One chunk, and now and then a look at what may be over; answers whether there is more to do at once."""
        busy = self._expand()
        if self.monotonic() >= self._look_at:
            sweeping = self.finisher.look()
            self._look_at = self.monotonic() + (0.0 if sweeping else LOOK_EVERY)
            busy |= sweeping
        return busy

    def _expand(self) -> bool:
        try:
            done = self.expansion.one()
        except ChunkFailed as failed:
            # Not the end of this process: everybody else's campaigns go on.
            hold(self.connection, failed.run_id, f"{failed}: {failed.__cause__}"[:500])
            return True
        if done is None:
            return False
        self.connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(done.flow_id)))
        return True
