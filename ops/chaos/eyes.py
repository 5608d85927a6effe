"""What does the ledger say, and whose calls were cut short? A session of its own, which outlives a restart."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection

from ops.chaos.checker import Row
from techrar.core.records import by_name
from techrar.ledger.reconcile import reconcile
from techrar.ledger.states import State

PATIENCE = 60.0

#: Rows of a claim whose call was noted and whose outcome is not written. `name` ends with the process id.
IN_FLIGHT = f"""
SELECT d.id FROM claim c JOIN begun b ON b.claim_id = c.id CROSS JOIN unnest(b.ids) AS u(id)
JOIN delivery d ON d.id = u.id AND d.held_by = c.id AND d.state = {State.SENDING:d}
WHERE c.process LIKE '%%:' || %(pid)s::text
"""


END_LEASES = """
UPDATE claim SET lease_until = now() - interval '1 hour' WHERE process LIKE '%%:' || %(pid)s::text RETURNING id
"""

OVERDUE = "SELECT id FROM envelope WHERE check_at <= now()"

PENDING = f"SELECT count(*) FROM delivery WHERE id >= %(since)s AND state < {State.UNKNOWN:d}"

ROWS = "SELECT id, state, reason, possible_duplicate FROM delivery WHERE id >= %(since)s"

TIMES_SENT = """
SELECT delivery_id, count(*) AS n FROM delivery_event WHERE delivery_id >= %(since)s AND kind = 'sent'
GROUP BY delivery_id
"""


class Eyes:
    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._connection: Connection[Any] | None = None

    def ask(self, statement: Any, values: Mapping[str, Any] | None = None) -> list[Any]:
        """Rows by name; waits for a database that is away."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self._connected().cursor(row_factory=by_name).execute(statement, values).fetchall()
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                self.close()
                time.sleep(0.1)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def cut_short(self, pid: int) -> Counter[UUID]:
        """The calls that a process which has just died was in. Asked twice: its last statement may still be running."""
        found = {row.id for row in self.ask(IN_FLIGHT, {"pid": str(pid)})}
        time.sleep(0.3)
        return Counter(found | {row.id for row in self.ask(IN_FLIGHT, {"pid": str(pid)})})

    def end_leases(self, pid: int) -> None:
        """As if the time of a dead process's claims had passed."""
        self.ask(END_LEASES, {"pid": str(pid)})

    def overdue(self) -> set[UUID]:
        """Envelopes that nobody claimed in the time they had: the sweeper is about to fetch them back."""
        return {row.id for row in self.ask(OVERDUE)}

    def pending(self, since: UUID) -> int:
        return int(self.ask(PENDING, {"since": since})[0].count)

    def rows(self, since: UUID) -> dict[UUID, Row]:
        sent = {row.delivery_id: row.n for row in self.ask(TIMES_SENT, {"since": since})}
        return {
            row.id: Row(State(row.state), row.reason, row.possible_duplicate, sent.get(row.id, 0))
            for row in self.ask(ROWS, {"since": since})
        }

    def unbalanced(self) -> list[str]:
        return reconcile(self._connected(), since=date(1970, 1, 1)).wrong

    def _connected(self) -> Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.dsn, autocommit=True, connect_timeout=5)
        return self._connection
