"""Which database is it? The real one, with the ledger's tables once more where time is ours."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import Connection

from techrar.ledger.partitions import TABLES as PARTITIONED
from techrar.ledger.partitions import make_ahead
from tests.support.ledger import TABLES

if TYPE_CHECKING:
    from tests.simulation.sessions import Session

SCHEMA = "simulation"
OPTIONS = (
    f"-c search_path={SCHEMA},public,pg_catalog -c lock_timeout=2ms -c synchronous_commit=off -c jit=off"
    " -c plan_cache_mode=force_generic_plan -c timezone=UTC"
)
CLEAN_EVERY = 200
CLOCK = "current_setting('simulation.now')::timestamptz"


def build(connection: Connection[Any], *, now: datetime) -> None:
    """The ledger's tables once more, in a schema of their own whose `now()` is ours."""
    connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    for name in ("now", "clock_timestamp"):
        connection.execute(
            f"CREATE FUNCTION {SCHEMA}.{name}() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT {CLOCK} $$"
        )
    for table in TABLES:
        by = "delivery_id" if table == "delivery_event" else "id"
        ranges = f"PARTITION BY RANGE ({by})" if table in PARTITIONED else ""
        connection.execute(f"CREATE TABLE {SCHEMA}.{table} (LIKE public.{table} INCLUDING ALL) {ranges}")
    for table, column in connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = %s AND column_default ~ '(now|clock_timestamp)\\(\\)'",
        (SCHEMA,),
    ).fetchall():
        connection.execute(f"ALTER TABLE {SCHEMA}.{table} ALTER COLUMN {column} SET DEFAULT {SCHEMA}.now()")
    make_ahead(connection, now=now, ahead=1)
    # Nobody but the histories may hold a lock; `Server` cleans up between them.
    for (table,) in connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'", (SCHEMA,)
    ).fetchall():
        connection.execute(f"ALTER TABLE {SCHEMA}.{table} SET (autovacuum_enabled = off)")


class Server:
    """The database's side: sessions are kept for the next history, since a new one costs as much as ten statements."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._idle: list[Connection[Any]] = []
        self._told: dict[Connection[Any], str] = {}
        self.in_transaction: set[Session] = set()
        self.histories = 0
        self.ended = 0  #: transactions: whoever waits for a lock has no reason to look again before

    def connect(self) -> Connection[Any]:
        if self._idle:
            return self._idle.pop()
        return psycopg.connect(self.dsn, autocommit=True, prepare_threshold=0, options=OPTIONS)

    def take_back(self, connection: Connection[Any], *, locks: bool) -> None:
        """As the server does when a client is gone: its transaction is undone, its locks are free."""
        if connection.info.transaction_status:
            connection.execute("ROLLBACK")
        if locks:
            connection.execute("SELECT pg_advisory_unlock_all()")
        self._idle.append(connection)

    def clean(self) -> None:
        """Between two histories, now and then: what the deleted rows of earlier ones left in the indexes."""
        self.histories += 1
        if self.histories % CLEAN_EVERY == 0:
            with psycopg.connect(self.dsn, autocommit=True, options=OPTIONS) as connection:
                connection.execute("VACUUM " + ", ".join(f"{SCHEMA}.{table}" for table in TABLES))

    def tell_time(self, connection: Connection[Any], stamp: str) -> None:
        if self._told.get(connection) != stamp:
            connection.execute("SELECT set_config('simulation.now', %s, false)", (stamp,))
            self._told[connection] = stamp

    def close(self) -> None:
        with psycopg.connect(self.dsn, autocommit=True, options=OPTIONS) as connection:
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
        for idle in self._idle:
            idle.close()


def prepared(dsn: str, *, now: datetime) -> Server:
    with psycopg.connect(dsn, autocommit=True, options=OPTIONS) as connection:
        build(connection, now=now)
    return Server(dsn)
