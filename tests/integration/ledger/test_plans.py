"""Do the hot statements touch only the rows they are about, whatever the planner was told?

Statistics are always late: they know no row that is being sent, and no id as new as those that are sent now. A guard
on the state, or a narrow range of ids, then looks like the cheapest way to find rows, and every claim reads the whole
table.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from techrar.dispatch import sql as dispatch
from techrar.dispatch import sweeps
from techrar.ledger import claims, reservations
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.partitions import span
from techrar.ledger.states import State
from techrar.receipts import sql as receipts
from tests.support.ledger import Ledger, wipe

#: A smaller table is read from end to end with good reason: that is cheaper than to look 500 rows up.
OLD, NEW, BATCH = 2_000, 60_000, 500


@pytest.fixture(scope="module")
def many(dsn: str) -> Iterator[Ledger]:
    """60 000 rows that came after the planner had last looked, when none was queued or being sent."""
    ledger = Ledger(dsn)
    wipe(ledger.connection, thoroughly=True)
    ledger.accept(OLD)
    ledger.connection.execute("ANALYZE delivery")
    # The same row again and again, with newer ids.
    newest = ledger.one("SELECT id FROM delivery ORDER BY id DESC LIMIT 1")
    ledger.connection.execute("CREATE TEMP TABLE fresh AS SELECT * FROM delivery WHERE id = %s", (newest,))
    ids = [UUID(int=newest.int + (n << 70)) for n in range(1, NEW + 1)]
    columns = "due_at, relay_at, flow_id, merchant_id, mode, priority, state, channel, category, address"
    copy = f"INSERT INTO delivery (id, {columns}) SELECT i, {columns} FROM fresh, unnest(%s::uuid[]) AS i"
    ledger.connection.execute(copy, (ids,))
    yield ledger
    wipe(ledger.connection, thoroughly=True)
    ledger.close()


@pytest.fixture(scope="module")
def scattered(many: Ledger) -> list[UUID]:
    """500 of the new rows, with thousands of others between them."""
    return [r.id for r in many.all("SELECT id FROM delivery ORDER BY id OFFSET %s", (OLD,))][:: NEW // BATCH]


def rows_read(ledger: Ledger) -> int:
    """How many deliveries were read from the table since ever, by whatever way."""
    ledger.flush_statistics()
    seen = "SELECT sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_user_tables WHERE relname ~ '^delivery_y'"
    return int(ledger.one(seen))


def rows_read_by(ledger: Ledger, statement: str, values: dict[str, Any]) -> int:
    before = rows_read(ledger)
    with ledger.connection.transaction(force_rollback=True):
        ledger.connection.execute(statement, values, prepare=True)
    return rows_read(ledger) - before


def statements(ids: list[UUID], envelope: UUID) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each statement with what it is given for these rows."""
    lo, hi = span(ids)
    rows = {"ids": ids, "lo": lo, "hi": hi}
    held_by = [envelope] * len(ids)
    lease = {"claim": uuid7(), "process": "test", "lease": 45.0, "emptied": [envelope]}
    blank = {"kind": ["opened"] * len(ids), "at": [datetime.now(UTC)] * len(ids), "account": [0] * len(ids)}
    blank |= {"machine": [False] * len(ids), "detail": ['{"machine": false}'] * len(ids)}
    return {
        "claim": (claims.CLAIM, {**rows, "envelopes": [envelope], **lease}),
        "outcome": (APPLY, parameters([Move(i, State.SENT, kind="sent", fence=envelope) for i in ids], shard=0)),
        "receipt": (APPLY, parameters([Move(i, State.SENT, kind="sent") for i in ids], shard=0)),
        "reserve": (reservations.RESERVE, {**rows, "held_by": held_by}),
        "give back": (reservations.GIVE_BACK, {"envelopes": [envelope]}),
        "held": (sweeps.HELD, {**rows, "claim": envelope}),
        "wake": (dispatch.WAKE, rows),
        "owners": (receipts.OWNERS, rows),
        "note": (
            receipts.NOTE,
            {**blank, "id": ids, "lo": lo, "hi": hi, "reason": blank["kind"], "vendor_id": blank["kind"]},
        ),
    }


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("name", list(statements([uuid7()], uuid7())))
def test_a_hot_statement_reads_the_rows_it_is_about(many: Ledger, scattered: list[UUID], name: str, plans: str) -> None:
    envelope = uuid7()
    many.connection.execute("UPDATE delivery SET state = 3, held_by = %s WHERE id = ANY(%s)", (envelope, scattered))
    put = (
        "INSERT INTO envelope (id, flow_id, lane, priority, n, check_at, ids) VALUES (%s, 1, 'email', 1, 1, now(), %s)"
    )
    many.connection.execute(put, (envelope, scattered))
    many.connection.execute(f"SET plan_cache_mode = {plans}")
    statement, values = statements(scattered, envelope)[name]
    assert BATCH <= rows_read_by(many, statement, values) <= 3 * BATCH


#: A guard on what changes before the rows are found, and bounds as narrow as the batch.
TRAPS = [
    f"UPDATE delivery d SET state = 6 FROM unnest(%(ids)s::uuid[]) AS u(id) WHERE d.id = u.id AND {also}"
    for also in ("d.state = 4", "d.id BETWEEN %(a)s AND %(z)s")
]


@pytest.mark.parametrize("trap", TRAPS)
def test_the_traps_are_traps(many: Ledger, scattered: list[UUID], trap: str) -> None:
    """So that this file is known to notice them."""
    many.connection.execute("SET plan_cache_mode = auto")
    values = {"ids": scattered, "a": scattered[0], "z": scattered[-1]}
    assert rows_read_by(many, trap, values) > 0.9 * NEW


def test_a_whole_run_reads_each_row_a_few_times(many: Ledger) -> None:
    """For real, and often enough that the server plans each statement without looking at its values any more."""
    many.connection.execute("SET plan_cache_mode = auto")
    many.connection.execute("UPDATE delivery SET state = 2, held_by = NULL WHERE state = 3")
    envelopes = many.reserve(many.flow(), limit=30 * 100, size=100)
    before = rows_read(many)
    for envelope in envelopes:
        claimed = many.claim(envelope)
        many.begin(claimed)
        many.settle(claimed)
    assert rows_read(many) - before <= 5 * 3_000
