"""How does a run become deliveries?

A chunk at a time, each by one statement: the segment chooses in SQL, derived ids make sure that nobody is written
twice, and the tallies and the chunk's mark are part of the same transaction. A dispatcher that dies in the middle has
written nothing of its chunk, and another one takes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import Connection

from abtest.hashing import cutoffs, cuts_of, key_of, variant_sql
from providers.registry import channels
from segmentation.compiler import compile_tree
from segmentation.person import ADDRESS_COLUMNS
from segmentation.tree import parse
from techrar.campaigns import sql
from techrar.core.errors import Problem
from techrar.core.ids import run_prefix
from techrar.core.mode import Mode
from techrar.core.records import by_name
from techrar.ledger.tallies import any_shard

RUN = """
SELECT id, campaign_id, merchant_id, mode, ms, as_of, segment, flow_id, channel, category, priority, variants
FROM campaigns_run WHERE id = %(run)s
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """What all chunks of a run have in common; a run never changes, so it is made once."""

    flow_id: int
    sql: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Expanded:
    run_id: int
    flow_id: int
    planned: int


class ChunkFailed(Exception):
    """A run whose next chunk cannot be written: it would fail again, so somebody must look at it."""

    def __init__(self, run_id: int, number: int) -> None:
        super().__init__(f"chunk {number} of run {run_id} cannot be written")
        self.run_id = run_id


class Expansion:
    """Expands chunks on one connection in autocommit."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self._statements: dict[int, Statement] = {}

    def one(self) -> Expanded | None:
        """The next chunk of whichever run is least far; None when there is none."""
        with self.connection.transaction(), self.connection.cursor(row_factory=by_name) as cursor:
            chunk = cursor.execute(sql.PICK).fetchone()
            if chunk is None or not self._may(chunk.run_id):
                return None
            try:
                statement = self._statement(chunk.run_id)
                values = {"number": chunk.number, "first": chunk.first_id, "last": chunk.last_id, "shard": any_shard()}
                # Planned for its own values each time: a chunk is worth the millisecond.
                done: Any = cursor.execute(statement.sql, {**statement.values, **values}, prepare=False).fetchone()
            except psycopg.OperationalError:
                raise
            except (psycopg.Error, Problem) as error:
                raise ChunkFailed(chunk.run_id, chunk.number) from error
        return Expanded(chunk.run_id, statement.flow_id, done.planned)

    def _may(self, run_id: int) -> bool:
        """Not while somebody pauses or cancels the run, nor after."""
        with self.connection.cursor(row_factory=by_name) as cursor:
            shared: Any = cursor.execute(sql.SHARE, {"run": run_id}).fetchone()
            state: Any = cursor.execute(sql.STILL_RUNNING, {"run": run_id}).fetchone()
        return bool(shared.ours and state.running)

    def _statement(self, run_id: int) -> Statement:
        if run_id not in self._statements:
            with self.connection.cursor(row_factory=by_name) as cursor:
                run = cursor.execute(RUN, {"run": run_id}).fetchone()
            self._statements[run_id] = statement_of(run)
            while len(self._statements) > 100:
                del self._statements[next(iter(self._statements))]
        return self._statements[run_id]


def statement_of(run: Any) -> Statement:
    segment = compile_tree(parse(run.segment), as_of=run.as_of)
    column = ADDRESS_COLUMNS.get(channels()[run.channel].address_field)
    cuts = cutoffs([v["weight"] for v in run.variants])
    return Statement(
        run.flow_id,
        sql.EXPAND.format(
            address=f"r.{column}" if column else "NULL::text",
            variant=variant_sql("%(key)s::text", "r.id", "%(cuts)s") if cuts else "0",
            segment=segment.sql,
        ),
        {
            **segment.values,
            "key": key_of(run.id),
            "cuts": cuts_of(cuts),
            "prefix": run_prefix(run.ms, run.id),
            "day": datetime.fromtimestamp(run.ms / 1000, tz=UTC).date(),
            "flow": run.flow_id,
            "run": run.id,
            "merchant": run.merchant_id,
            "mode": Mode(run.mode).code,
            "priority": run.priority,
            "channel": run.channel,
            "category": run.category,
        },
    )
