"""Does a delivery's way through the ledger stay on its page?

An update that changes no indexed column is heap-only while its page has room: two thirds of the time and of the WAL,
and no index bloat. One index on the state, added by somebody for a page of the UI, would end that for every row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from techrar.ledger.moves import Move
from techrar.ledger.states import State
from tests.support.ledger import Ledger, wipe

ROWS = 3_000
#: Not all: consumers update a whole page's rows in one statement, and fillfactor 70 leaves room for some of them.
ENOUGH = 0.58
#: What a claim, an outcome and a receipt write into every row. (`relay_at` changes with the reservation only.)
CHANGED = {"state", "held_by", "due_at", "account_id", "attempt", "lost_leases", "possible_duplicate"}
CHANGED |= {"cost_micros", "currency", "reason", "opened_at", "clicked_at", "read_at"}


@pytest.fixture
def fresh(ledger: Ledger) -> Iterator[Ledger]:
    """Pages that no earlier test has filled."""
    wipe(ledger.connection, thoroughly=True)
    ledger.accept(ROWS)
    yield ledger
    wipe(ledger.connection, thoroughly=True)


def updates(ledger: Ledger) -> tuple[int, int]:
    """All updates of deliveries so far, and how many of them were heap-only."""
    ledger.flush_statistics()
    statement = (
        "SELECT sum(n_tup_upd)::int, sum(n_tup_hot_upd)::int FROM pg_stat_user_tables WHERE relname ~ '^delivery_y'"
    )
    total, hot = ledger.connection.execute(statement).fetchone() or (0, 0)
    return total, hot


def travel(ledger: Ledger) -> tuple[int, float]:
    """Claim and send everything; answer how many updates that took and which part of them stayed on the page."""
    envelopes = ledger.reserve(ledger.flow(), limit=ROWS)
    total, hot = updates(ledger)
    for envelope in envelopes:
        claimed = ledger.claim(envelope)
        ledger.begin(claimed)
        ledger.settle(claimed, attempt=1, account_id=3, cost_micros=5, currency="EUR")
    ledger.apply([Move(i, State.DELIVERED, kind="delivered") for e in envelopes for i in e.ids])
    total_after, hot_after = updates(ledger)
    return total_after - total, (hot_after - hot) / (total_after - total)


def test_after_the_reservation_most_updates_stay_on_their_page(fresh: Ledger) -> None:
    count, hot = travel(fresh)
    assert count == 3 * ROWS
    assert hot > ENOUGH


def indexed(ledger: Ledger) -> set[str]:
    """Columns that any index of deliveries names, in its keys or its condition."""
    definitions = ledger.all(
        "SELECT pg_get_indexdef(indexrelid) AS text FROM pg_index WHERE indrelid = 'delivery'::regclass"
    )
    columns = ledger.all("SELECT attname FROM pg_attribute WHERE attrelid = 'delivery'::regclass AND attnum > 0")
    return {c.attname for c in columns for d in definitions if re.search(rf"\b{c.attname}\b", d.text.partition("(")[2])}


def test_no_index_names_what_every_delivery_changes(ledger: Ledger) -> None:
    assert {"id", "flow_id", "relay_at", "expires_at"} <= indexed(ledger)
    assert indexed(ledger) & CHANGED == set()


@pytest.mark.parametrize("column", ["state", "held_by", "account_id"])
def test_an_index_on_what_every_delivery_changes_would_be_noticed(fresh: Ledger, column: str) -> None:
    fresh.connection.execute(f"CREATE INDEX sneaked_in ON delivery ({column})")
    try:
        _, hot = travel(fresh)
        assert indexed(fresh) & CHANGED == {column}
    finally:
        fresh.connection.execute("DROP INDEX sneaked_in")
    assert hot < ENOUGH
