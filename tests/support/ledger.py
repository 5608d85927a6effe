"""A hand on the ledger: rows that are really committed, moved by the statements that production uses.

Nothing here waits for a process: a test reserves, claims and settles by itself, in the order it likes. Everything is
gone after the test.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import pytest
from psycopg import AsyncConnection, Connection
from uuid_utils.compat import uuid7

from techrar.core.ids import delivery_id, new_notification_id
from techrar.core.mode import Mode
from techrar.core.records import by_name
from techrar.ledger import claims, reservations
from techrar.ledger.flows import ENSURE_FLOW
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.reconcile import Report, reconcile
from techrar.ledger.reservations import Reservation
from techrar.ledger.states import State
from techrar.notifications.sql import ACCEPT
from techrar.policy.priority import Priority

TABLES = (
    *("delivery", "delivery_event", "notification", "flow", "tally", "envelope", "claim", "begun"),
    *("vendor_message", "dead_letter", "idempotency", "brake", "receipt", "chunk", "soft_bounce"),
    *("recipient", "suppression", "campaigns_run", "campaigns_campaign"),
)
MANY = 2_000
ZERO = UUID(int=0)
LONG_AGO = date(1970, 1, 1)
#: A test that waits for a lock in vain says so before it is ended.
IMPATIENT = "-c lock_timeout=5s -c synchronous_commit=off"
T = TypeVar("T")


class Ledger:
    """One session with the database, in autocommit."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.connection: Connection[Any] = psycopg.connect(dsn, autocommit=True, options=IMPATIENT)
        self._thread, self._runner = ThreadPoolExecutor(1), asyncio.Runner()
        self._other: AsyncConnection[Any] | None = None

    def close(self) -> None:
        self.connection.close()
        if self._other is not None:
            self._run(lambda connection: connection.close())
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    # What a merchant does

    def flow(
        self, *, merchant: int = 1, mode: Mode = Mode.TEST, channel: str = "email", priority: int = Priority.HIGH
    ) -> int:
        values = {"merchant": merchant, "mode": mode.code, "channel": channel, "run": 0, "priority": int(priority)}
        return int(self.one(ENSURE_FLOW, values))

    def accept(
        self,
        count: int = 1,
        *,
        merchant: int = 1,
        mode: Mode = Mode.TEST,
        channel: str = "email",
        priority: int = Priority.HIGH,
        category: str = "transactional",
        address: str = "ann{n}@example.com",
        due: datetime | None = None,
        expires: datetime | None = None,
        ids: Sequence[UUID] = (),
        content: dict[str, Any] | None = None,
    ) -> list[UUID]:
        """Accept `count` notifications with one delivery each, in one statement, as the API does."""
        made = list(ids) or [new_notification_id() for _ in range(count)]
        request = {"to": {"email": "ann@example.com"}, "data": {"name": "Ann"}, "metadata": {}, "sender": {}}
        request["content"] = content or {channel: {"subject": "Hello {{ name }}", "text": "Hi"}}
        values = acceptance(
            made,
            merchant=merchant,
            mode=mode,
            channel=channel,
            priority=priority,
            category=category,
            addresses=[address.format(n=n) for n in range(len(made))],
            flow=self.flow(merchant=merchant, mode=mode, channel=channel, priority=priority),
            request=request,
            due=due,
            expires=expires,
        )
        assert self.one(ACCEPT, values) is True
        return [delivery_id(i, 1) for i in made]

    def cancel(self, ids: Sequence[UUID]) -> list[Any]:
        return self.apply([Move(i, State.CANCELLED, kind="cancelled", reason="by_merchant") for i in ids])

    # What a dispatcher and a consumer do

    def reserve(self, flow: int, *, limit: int = 1000, size: int = 500, after: UUID = ZERO) -> list[Reservation]:
        return reservations.reserve(
            self.connection,
            flow=flow,
            lane="email",
            priority=int(Priority.HIGH),
            after=after,
            limit=limit,
            size=size,
            check=60.0,
            new_id=uuid7,
        )

    def claim(self, *envelopes: Reservation, claim_id: UUID | None = None, lease: float = 45.0) -> Claimed:
        """Claim everything that these envelopes hold, and forget them."""
        held_by = [e.publish_id for e in envelopes for _ in e.ids]
        return self.claim_ids([i for e in envelopes for i in e.ids], held_by, claim_id=claim_id, lease=lease)

    def claim_ids(
        self,
        ids: Sequence[UUID],
        held_by: Sequence[UUID],
        *,
        claim_id: UUID | None = None,
        lease: float = 45.0,
        emptied: bool = True,
    ) -> Claimed:
        name = claim_id or uuid7()

        async def ask(connection: AsyncConnection[Any]) -> list[Any]:
            return await claims.claim(
                connection,
                claim_id=name,
                ids=ids,
                envelopes=sorted(set(held_by)),
                emptied=sorted(set(held_by)) if emptied else [],
                process="test",
                lease=lease,
            )

        return Claimed(name, self._run(ask))

    def begin(self, claimed: Claimed, ids: Sequence[UUID] = (), *, margin: float = 10.0) -> set[UUID]:
        wanted = list(ids) or claimed.ids

        async def ask(connection: AsyncConnection[Any]) -> set[UUID]:
            return await claims.begin(connection, claims=[claimed.id] * len(wanted), ids=wanted, margin=margin)

        return self._run(ask)

    def renew(self, *names: UUID, lease: float = 45.0) -> set[UUID]:
        return self._run(lambda connection: claims.renew(connection, claims=names, lease=lease))

    def take(self, flow: int, **options: Any) -> Claimed:
        """Reserve and claim whatever is due."""
        return self.claim(*self.reserve(flow, **options))

    def apply(self, moves: Sequence[Move], *, shard: int = 0, done: Sequence[UUID] = ()) -> list[Any]:
        cursor = self.connection.cursor(row_factory=by_name)
        return cursor.execute(APPLY, parameters(moves, shard=shard, done=done)).fetchall()

    def settle(self, claimed: Claimed, state: State = State.SENT, **fields: Any) -> list[Any]:
        """Write the same outcome for every row of a claim, and end it."""
        return self.apply(
            [Move(i, state, **{"kind": state.word, "fence": claimed.id, **fields}) for i in claimed.ids],
            done=[claimed.id],
        )

    # What time does

    def make_overdue(self) -> None:
        """As if every envelope had waited too long."""
        self.connection.execute("UPDATE envelope SET check_at = now() - interval '1 second'")

    def lose_leases(self) -> None:
        """As if every process that holds a claim had died a while ago."""
        self.connection.execute("UPDATE claim SET lease_until = now() - interval '1 hour'")

    def flush_statistics(self) -> None:
        """What these sessions have read and written shows in the server's counters from now on."""
        flush = "SELECT pg_stat_force_next_flush()"
        self.connection.execute(flush)
        self._run(lambda connection: connection.execute(flush))

    # What is there

    def one(self, statement: Any, values: Any = None) -> Any:
        """The first column of the first row."""
        row = self.connection.execute(statement, values).fetchone()
        return row[0] if row else None

    def all(self, statement: Any, values: Any = None) -> list[Any]:
        return self.connection.cursor(row_factory=by_name).execute(statement, values).fetchall()

    def row(self, delivery: UUID) -> Any:
        return self.all("SELECT * FROM delivery WHERE id = %s", (delivery,))[0]

    def states(self) -> dict[str, int]:
        """How many rows are in which state, recounted."""
        return {State(r.state).word: r.n for r in self.all("SELECT state, count(*) AS n FROM delivery GROUP BY state")}

    def state(self, delivery: UUID) -> State:
        return State(self.row(delivery).state)

    def tally(self) -> dict[str, int]:
        """What the counters say; all pending states are one."""
        found = self.all("SELECT state, sum(n)::int AS n FROM tally GROUP BY state HAVING sum(n) <> 0")
        return {State(r.state).word if r.state else "pending": r.n for r in found}

    def events(self, delivery: UUID) -> list[Any]:
        return self.all("SELECT * FROM delivery_event WHERE delivery_id = %s ORDER BY seq", (delivery,))

    def kinds(self, delivery: UUID) -> Counter[str]:
        return Counter(event.kind for event in self.events(delivery))

    def count(self, table: str) -> int:
        return int(self.one(f"SELECT count(*) FROM {table}"))

    def report(self) -> Report:
        return reconcile(self.connection, since=LONG_AGO)

    def assert_balanced(self) -> None:
        assert self.report().wrong == []

    def _run(self, work: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
        """The claim's functions are async: they get a thread, a loop and a session that only they use."""

        async def ask() -> T:
            if self._other is None:
                self._other = await AsyncConnection.connect(self.dsn, autocommit=True, options=IMPATIENT)
            return await work(self._other)

        return self._thread.submit(self._runner.run, ask()).result()


def acceptance(
    ids: Sequence[UUID],
    *,
    merchant: int,
    mode: Mode,
    channel: str,
    priority: int,
    category: str,
    addresses: Sequence[str],
    flow: int,
    request: dict[str, Any],
    due: datetime | None = None,
    expires: datetime | None = None,
    shard: int = 0,
) -> dict[str, Any]:
    """What `ACCEPT` is given for notifications with one delivery each, without an idempotency key."""
    size = len(ids)
    return {
        "merchant": merchant,
        "mode": mode.code,
        "endpoint": None,
        "key": None,
        "fingerprint": None,
        "answer": b"{}",
        "shard": shard,
        "n_id": list(ids),
        "n_template": [None] * size,
        "n_resend_of": [None] * size,
        "n_scheduled_at": [due] * size,
        "n_priority": [int(priority)] * size,
        "n_category": [category] * size,
        "n_locale": [""] * size,
        "n_recipient": [""] * size,
        "n_recipient_id": [0] * size,
        "n_request": [json.dumps(request)] * size,
        "d_id": [delivery_id(i, 1) for i in ids],
        "d_replays": [None] * size,
        "d_wake_at": [due] * size,
        "d_expires_at": [expires] * size,
        "d_flow": [flow] * size,
        "d_recipient_id": [0] * size,
        "d_priority": [int(priority)] * size,
        "d_channel": [channel] * size,
        "d_category": [category] * size,
        "d_address": list(addresses),
    }


class Claimed:
    def __init__(self, name: UUID, rows: Sequence[Any]) -> None:
        self.id = name
        self.rows = list(rows)

    @property
    def ids(self) -> list[UUID]:
        return [row.id for row in self.rows]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


@contextmanager
def session(dsn: str) -> Iterator[Connection[Any]]:
    """Another process's session, in autocommit."""
    with psycopg.connect(dsn, autocommit=True, options=IMPATIENT) as connection:
        yield connection


def wait_until_blocked(ledger: Ledger, pid: int = 0, *, by: int = 0) -> None:
    """Until the session `pid` waits for somebody's lock, or somebody for a lock of `by`."""
    blocked = "SELECT FROM pg_stat_activity WHERE %(pid)s IN (0, pid) AND (%(by)s = ANY(pg_blocking_pids(pid))"
    blocked += " OR %(by)s = 0 AND cardinality(pg_blocking_pids(pid)) > 0)"
    for _ in range(2_000):
        if ledger.all(blocked, {"pid": pid, "by": by}):
            return
        ledger.connection.execute("SELECT pg_sleep(0.002)")
    raise AssertionError("nobody waits")


def wipe(connection: Connection[Any], *, thoroughly: bool = False) -> None:
    """Empty every table. `thoroughly` gives the files back, too, which is slower for the few rows of most tests."""
    if thoroughly:
        connection.execute(f"TRUNCATE {', '.join(TABLES)}")
        return
    with connection.transaction(), connection.pipeline():
        for table in TABLES:
            connection.execute(f"DELETE FROM {table}")


@pytest.fixture
def ledger(dsn: str) -> Iterator[Ledger]:
    """An empty ledger, whatever tests without this fixture left there, and an empty one afterwards."""
    ledger = Ledger(dsn)
    try:
        wipe(ledger.connection)
        yield ledger
    finally:
        wipe(ledger.connection, thoroughly=ledger.count("delivery") > MANY)
        ledger.close()
