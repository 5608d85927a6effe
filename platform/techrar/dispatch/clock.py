"""What does time do to the ledger?

Sleeping rows wake when they are due, late ones expire, lost ones come back, partitions are made ahead. Any number of
clocks may run: each takes what no other has locked.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection, errors

from techrar.dispatch import sql, sweeps
from techrar.ledger import partitions

log = logging.getLogger(__name__)

WAKE_BATCH = 2000
KEEP_MONTHS = 13
#: Rows that commit a little after their expiry passed are caught by looking back this far.
EXPIRY_OVERLAP = timedelta(minutes=2)


@dataclass(slots=True)
class Chore:
    every: float
    work: Callable[[], object]
    next_at: float = 0.0


class Clock:
    def __init__(
        self,
        connection: Connection[Any],
        *,
        woken: Callable[[set[int]], None],
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.connection = connection
        self.woken = woken
        self.monotonic = monotonic
        self.now = now
        self.expired_until = now() - timedelta(days=2)
        self.chores = [
            Chore(0.2, self.wake),
            Chore(5.0, self.settle_leases),
            Chore(15.0, lambda: sweeps.envelopes(connection)),
            Chore(5.0, self.expire),
            Chore(600.0, lambda: sweeps.old_keys(connection)),
            Chore(3600.0, self.turn_partitions),
        ]

    def tick(self) -> None:
        """Do what is due."""
        for chore in self.chores:
            if self.monotonic() >= chore.next_at:
                chore.next_at = self.monotonic() + chore.every
                chore.work()

    def wake(self) -> None:
        """Rows whose time has come join the line."""
        while True:
            with self.connection.transaction():
                ids = [r[0] for r in self.connection.execute(sql.WAKE_PICK, {"limit": WAKE_BATCH})]
                if not ids:
                    return
                lo, hi = partitions.span(ids)
                rows = self.connection.execute(sql.WAKE, {"ids": ids, "lo": lo, "hi": hi})
                flows = {row[0] for row in rows}
            self.woken(flows)
            if len(ids) < WAKE_BATCH:
                return

    def settle_leases(self) -> None:
        """All of them at once: a process that dies may leave hundreds of small claims."""
        while sweeps.leases(self.connection):
            pass

    def expire(self) -> None:
        row = self.connection.execute("SELECT now()").fetchone()
        assert row is not None
        while sweeps.expiries(self.connection, since=self.expired_until - EXPIRY_OVERLAP, until=row[0]):
            pass
        self.expired_until = row[0]

    def turn_partitions(self) -> None:
        made = partitions.make_ahead(self.connection, now=self.now())
        dropped = []
        try:
            dropped = partitions.drop_old(self.connection, now=self.now(), keep_months=KEEP_MONTHS)
        except errors.LockNotAvailable:
            log.info("an old partition is still being read; it is dropped another time")
        if made or dropped:
            log.info("partitions made: %s; dropped: %s", ", ".join(made) or "none", ", ".join(dropped) or "none")
