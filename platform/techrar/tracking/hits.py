"""How does an open or a click get into the database without making anybody wait?

It is remembered here and written a moment later, with all others of that moment, by one thread of this process. While
the database is away it stays here; what no longer fits, or is left when the process ends, is lost, and the log says how
much.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from techrar.receipts.services import Seen, keep

log = logging.getLogger(__name__)

LINGER = 0.1  # seconds
PAUSE = 2.0  # seconds until the database is asked again
MOST = 20_000
BATCH = 1_000
#: Applied so many seconds later: then it is known whether other links were followed at the same time.
DELAY = 3.0


class Hits:
    def __init__(self, write: Callable[[Sequence[Seen]], None]) -> None:
        self.write = write
        self.lost = 0
        self._seen: deque[Seen] = deque()
        self._some = threading.Event()
        self._starting = threading.Lock()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, seen: Seen) -> None:
        if len(self._seen) >= MOST:
            self.lost += 1
            return
        self._seen.append(seen)
        if self._thread is None:
            self._start()
        self._some.set()

    def flush(self) -> bool:
        """Write what is there; False when the database is away, and nothing is gone then."""
        with self._writing:
            while self._seen:
                batch = [self._seen[n] for n in range(min(BATCH, len(self._seen)))]
                try:
                    self.write(batch)
                except (OperationalError, InterfaceError) as error:
                    log.warning("%d opens and clicks wait for the database: %s", len(self._seen), error)
                    return False
                except DatabaseError:
                    # Trying again would not help these, and those behind them should not wait for ever.
                    log.exception("%d opens and clicks cannot be written, and are lost", len(batch))
                for _ in batch:
                    self._seen.popleft()
            if self.lost:
                log.error("%d opens and clicks were lost while the database was away", self.lost)
                self.lost = 0
        return True

    def _start(self) -> None:
        """With the first one: a server may fork before it serves."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hits", daemon=True)
                self._thread.start()
                atexit.register(self._end)

    def _run(self) -> None:
        pause = threading.Event()  # never set: it only waits
        while True:
            self._some.wait()
            self._some.clear()
            pause.wait(LINGER)
            if not self.flush():
                self._some.set()
                pause.wait(PAUSE)

    def _end(self) -> None:
        if not self.flush():
            log.error("%d opens and clicks are lost: the process ends, and the database is away", len(self._seen))


def _write(seen: Sequence[Seen]) -> None:
    try:
        keep(seen, delay=DELAY)
    finally:
        connection.close()


hits = Hits(_write)
