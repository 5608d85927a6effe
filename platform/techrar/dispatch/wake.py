"""How does the relay hear of new rows within milliseconds, without a notification per row?

A thread of the web process sends one NOTIFY for all that was accepted since its last one. A hint that is lost costs a
quarter of a second: the relay looks by itself.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Iterable

import psycopg

from techrar.core.database import dsn
from techrar.dispatch.sql import CHANNEL

log = logging.getLogger(__name__)

PAUSE = 0.005
MOST_NAMED = 200  #: an over-long payload is an error to PostgreSQL; the relay finds the rest itself


class Waker:
    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.pid = os.getpid()
        self.queue: queue.SimpleQueue[int] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="wake", daemon=True).start()

    def _run(self) -> None:
        connection: psycopg.Connection | None = None
        while True:
            flows = {self.queue.get()}
            while not self.queue.empty():
                flows.add(self.queue.get_nowait())
            try:
                if connection is None or connection.closed:
                    connection = psycopg.connect(self.dsn, autocommit=True, connect_timeout=3)
                payload = ",".join(str(f) for f in sorted(flows)[:MOST_NAMED])
                connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))
            except psycopg.Error as error:
                log.warning("the dispatcher could not be woken, it will look by itself: %s", error)
                connection = None
            time.sleep(PAUSE)


_waker: Waker | None = None
_making = threading.Lock()


def poke(flows: Iterable[int]) -> None:
    """Say that these flows have due rows. Returns at once."""
    global _waker
    if _waker is None or _waker.pid != os.getpid():
        with _making:
            if _waker is None or _waker.pid != os.getpid():
                _waker = Waker(dsn())
    for flow in set(flows):
        _waker.queue.put(flow)
