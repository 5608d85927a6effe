"""When is a run over, and what becomes of what a cancelled one left behind?

For the dispatchers, on a connection of their own; web processes steer campaigns by `services.py`.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from psycopg import Connection

from techrar.campaigns import sql
from techrar.core.ids import run_span
from techrar.core.records import by_name
from techrar.ledger.flows import FlowState
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.states import PENDING, State
from techrar.ledger.tallies import any_shard

log = logging.getLogger(__name__)

BATCH = 2_000


class Finisher:
    """Looks at runs that are not over, on one connection in autocommit."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self._after: dict[int, UUID] = {}  #: how far a cancelled run has been swept

    def look(self) -> bool:
        """Once at each unfinished run; answers whether there is more to sweep at once."""
        busy = False
        for run in self._rows(sql.UNFINISHED):
            if run.state == "cancelled":
                busy |= self._sweep(run.id, run.ms)
            else:
                finish_if_balanced(self.connection, run.id)
        return busy

    def _sweep(self, run_id: int, ms: int) -> bool:
        """Cancel the next of what waits; what a consumer holds is looked for again, until nothing is pending."""
        first, last = run_span(ms, run_id)
        asked = {"run": run_id, "after": self._after.get(run_id, first), "last": last, "limit": BATCH}
        ids = [row.id for row in self._rows(sql.WAITING, asked)]
        moves = [Move(i, State.CANCELLED, kind="cancelled", reason="campaign_cancelled") for i in ids]
        if moves:
            self.connection.execute(APPLY, parameters(moves, shard=any_shard()))
        if len(ids) == BATCH:
            self._after[run_id] = ids[-1]
            return True
        self._after.pop(run_id, None)
        if not any(count.state == PENDING for count in self._rows(sql.COUNTS, {"run": run_id})):
            self.connection.execute(sql.END_CANCELLED, {"run": run_id})
        return False

    def _rows(self, statement: str, values: Any = None) -> list[Any]:
        return list(self.connection.cursor(row_factory=by_name).execute(statement, values).fetchall())


def finish_if_balanced(connection: Connection[Any], run_id: int) -> bool:
    """Complete a run of which nothing is pending. One that does not balance is held, and says so."""
    cursor = connection.cursor(row_factory=by_name)
    figures = cursor.execute(sql.FIGURES, {"run": run_id}).fetchone()
    assert figures is not None
    if figures.chunks_left:
        return False
    counts = cursor.execute(sql.COUNTS, {"run": run_id}).fetchall()
    if any(count.state == PENDING for count in counts):
        return False
    counted = sum(count.n for count in counts)
    if counted != figures.planned:
        hold(connection, run_id, f"{figures.planned} deliveries were planned, {counted} are accounted for.")
        return False
    with connection.transaction():
        values = {"run": run_id, "from": "running", "to": "completed", "trouble": "", "over": True}
        return cursor.execute(sql.BECOME, values).fetchone() is not None


def hold(connection: Connection[Any], run_id: int, why: str) -> None:
    """Stop a run that the service cannot go on with, until somebody resumes or cancels it."""
    log.error("run %d is held: %s", run_id, why)
    with connection.transaction():
        values = {"run": run_id, "from": "running", "to": "paused", "trouble": why, "over": False}
        changed = connection.execute(sql.BECOME, values).fetchone()
        if changed is not None:
            connection.execute("UPDATE flow SET state = %s WHERE id = %s", (int(FlowState.HELD), changed[0]))
