"""Which partitions must exist, and which may go?

The big tables are ranges of ids, and ids begin with their time. Partitions are made ahead; one is dropped only when
it is older than the installation's longest retention and no delivery in it is still pending, and then without
blocking sends.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection, errors, sql

from techrar.core.ids import floor_id, moment_of
from techrar.ledger.states import State

#: table -> storage settings of its partitions. Updates of `delivery` stay on the page they are on.
TABLES = {
    "delivery": "fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_limit = 2000",
    "delivery_event": "autovacuum_vacuum_insert_scale_factor = 0.2",
    "notification": "autovacuum_vacuum_insert_scale_factor = 0.2",
}
MONTHS_AHEAD = 2
#: A drop waits no longer for those who read: it can be finished next time, and scheduled sends wake in the same thread.
PATIENCE = "1s"


def month_start(moment: datetime, offset: int = 0) -> datetime:
    months = moment.year * 12 + moment.month - 1 + offset
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def name(table: str, start: datetime) -> str:
    return f"{table}_y{start:%Y}m{start:%m}"


def span(ids: Iterable[UUID]) -> tuple[UUID, UUID]:
    """The months that these ids lie in: bounds for a statement about them, so that it looks into no other partition.

    Never narrower: statistics end before the newest ids, so a narrow range of them is taken for a single row, and the
    planner reads all that is in it instead of looking up each id.
    """
    wanted = list(ids)
    return _month_edge(min(wanted), 0), _month_edge(max(wanted), 1)


def _month_edge(identifier: UUID, offset: int) -> UUID:
    try:
        start = floor_id(month_start(moment_of(identifier), offset))
    except (ValueError, OverflowError):
        return identifier  # from no time that we know: it names nothing
    return UUID(int=start.int - offset)


def make_ahead(connection: Connection[Any], *, now: datetime, ahead: int = MONTHS_AHEAD) -> list[str]:
    """Make the partitions of this month and the next ones: built aside, then attached, so that inserts never wait."""
    made = []
    for offset in range(ahead + 1):
        start = month_start(now, offset)
        made += [name(t, start) for t in TABLES if _make(connection, t, start, month_start(now, offset + 1))]
    return made


def _make(connection: Connection[Any], table: str, start: datetime, end: datetime) -> bool:
    partition = name(table, start)
    with connection.transaction():
        # One maker at a time: two dispatchers may start at the same moment.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('techrar.partitions'))")
        connection.execute("SET LOCAL lock_timeout = '5s'")
        exists = connection.execute("SELECT to_regclass(%s)", (partition,)).fetchone()
        if exists and exists[0]:
            return False
        parts = {"p": sql.Identifier(partition), "t": sql.Identifier(table)}
        connection.execute(
            sql.SQL("CREATE TABLE {p} (LIKE {t} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(**parts)
        )
        connection.execute(sql.SQL("ALTER TABLE {p} SET (" + TABLES[table] + ")").format(**parts))
        connection.execute(
            sql.SQL("ALTER TABLE {t} ATTACH PARTITION {p} FOR VALUES FROM ({lo}) TO ({hi})").format(
                **parts, lo=sql.Literal(str(floor_id(start))), hi=sql.Literal(str(floor_id(end)))
            )
        )
    return True


def existing(connection: Connection[Any], table: str) -> list[datetime]:
    """The months that have a partition, oldest first."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = %s::regclass AND NOT i.inhdetachpending",
        (table,),
    )
    months = [row[0].removeprefix(f"{table}_y") for row in rows]
    return sorted(datetime(int(m[:4]), int(m[5:]), 1, tzinfo=UTC) for m in months)


def drop_old(connection: Connection[Any], *, now: datetime, keep_months: int) -> list[str]:
    """Drop months past retention in which nothing is pending. Needs autocommit, for DETACH CONCURRENTLY."""
    finish_detached(connection)
    dropped = []
    for start in existing(connection, "delivery"):
        if start >= month_start(now, -keep_months):
            break
        if _pending(connection, start):
            continue
        # The ledger's own part goes last: while it is there, what an interruption left is found again.
        for table in reversed(TABLES):
            _drop(connection, table, start)
            dropped.append(name(table, start))
    return dropped


def _pending(connection: Connection[Any], start: datetime) -> bool:
    found = connection.execute(
        sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE state < {})").format(
            sql.Identifier(name("delivery", start)), sql.Literal(int(State.UNKNOWN))
        )
    ).fetchone()
    return bool(found and found[0])


def _drop(connection: Connection[Any], table: str, start: datetime) -> None:
    partition = sql.Identifier(name(table, start))
    try:
        _detach(connection, table, partition, "CONCURRENTLY")
    except errors.UndefinedTable:
        return


def finish_detached(connection: Connection[Any]) -> None:
    """Complete what an interrupted drop left half detached."""
    rows = connection.execute(
        "SELECT p.relname, c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " JOIN pg_class p ON p.oid = i.inhparent WHERE i.inhdetachpending"
    ).fetchall()
    for table, partition in rows:
        _detach(connection, table, sql.Identifier(partition), "FINALIZE")


def _detach(connection: Connection[Any], table: str, partition: sql.Identifier, how: LiteralString) -> None:
    connection.execute(sql.SQL("SET lock_timeout = {}").format(PATIENCE))
    try:
        connection.execute(
            sql.SQL("ALTER TABLE {} DETACH PARTITION {} {}").format(sql.Identifier(table), partition, sql.SQL(how))
        )
        connection.execute(sql.SQL("DROP TABLE {}").format(partition))
    finally:
        connection.execute("RESET lock_timeout")
