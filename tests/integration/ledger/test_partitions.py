"""Are partitions there before they are needed, and gone only when nothing in them is still to be done?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Barrier, Thread
from uuid import UUID

import pytest
from psycopg.errors import CheckViolation, QueryCanceled

from techrar.core.ids import floor_id
from techrar.dispatch.clock import Clock
from techrar.ledger import partitions
from techrar.ledger.states import State
from tests.support.ledger import Ledger, session, utc, wait_until_blocked

MAY = utc(2001, 5, 17)
NAMES = [f"{table}_y2001m{month:02}" for month in (5, 6, 7) for table in partitions.TABLES]
#: By then May is older than a year of retention, and June is not.
A_YEAR_LATER = utc(2002, 6, 20)


@pytest.fixture(autouse=True)
def old_months_are_removed(ledger: Ledger) -> Iterator[None]:
    yield
    ledger.connection.execute("TRUNCATE delivery, delivery_event, notification")
    partitions.drop_old(ledger.connection, now=utc(2019, 1, 1), keep_months=1)


def there(ledger: Ledger) -> list[str]:
    """The partitions of 2001, attached or not."""
    return [r.relname for r in ledger.all("SELECT relname FROM pg_class WHERE relname ~ '_y2001m..$' ORDER BY 1")]


def accept_in(ledger: Ledger, moment: datetime, due: datetime | None = None) -> UUID:
    return ledger.accept(ids=[UUID(int=floor_id(moment).int | 7 << 16)], due=due)[0]


def drop(ledger: Ledger, now: datetime = A_YEAR_LATER) -> list[str]:
    return partitions.drop_old(ledger.connection, now=now, keep_months=12)


def settle_all(ledger: Ledger) -> None:
    ledger.settle(ledger.take(ledger.flow()))


def test_this_month_and_the_next_two_are_made_for_every_table_once(ledger: Ledger) -> None:
    assert partitions.make_ahead(ledger.connection, now=MAY) == NAMES
    assert partitions.make_ahead(ledger.connection, now=MAY) == []
    assert there(ledger) == sorted(NAMES)
    assert partitions.make_ahead(ledger.connection, now=utc(2001, 6, 1)) == [
        f"{table}_y2001m08" for table in partitions.TABLES
    ]


def test_an_id_falls_into_the_month_of_its_time(ledger: Ledger) -> None:
    partitions.make_ahead(ledger.connection, now=MAY)
    ids = {accept_in(ledger, at): at.month for at in (utc(2001, 5, 1), utc(2001, 5, 31, 23, 59, 59), utc(2001, 6, 1))}
    found = {r.id: int(r.place[-2:]) for r in ledger.all("SELECT id, tableoid::regclass::text AS place FROM delivery")}
    assert found == ids


def test_what_no_month_is_made_for_is_refused_and_not_put_aside(ledger: Ledger) -> None:
    with pytest.raises(CheckViolation, match="no partition"):
        accept_in(ledger, utc(1999, 1, 1))


def test_a_new_partition_has_the_indexes_and_the_settings_that_keep_updates_hot(ledger: Ledger) -> None:
    partitions.make_ahead(ledger.connection, now=MAY)
    settings = ledger.one("SELECT reloptions FROM pg_class WHERE relname = 'delivery_y2001m05'")
    assert "fillfactor=70" in settings
    count = "SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass AND indisvalid"
    assert ledger.one(count, ("delivery_y2001m05",)) == ledger.one(count, ("delivery",)) == 5


def test_two_makers_at_once_make_each_month_once(ledger: Ledger) -> None:
    ready, made = Barrier(2), []

    def make() -> None:
        with session(ledger.dsn) as maker:
            ready.wait()
            made.extend(partitions.make_ahead(maker, now=MAY))

    makers = [Thread(target=make) for _ in range(2)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert sorted(made) == sorted(NAMES)


def test_sends_go_on_while_partitions_are_made(ledger: Ledger) -> None:
    with session(ledger.dsn) as sender, sender.transaction():
        sender.execute("INSERT INTO delivery SELECT * FROM delivery WHERE false")
        ledger.connection.execute("SET lock_timeout = '500ms'")
        assert partitions.make_ahead(ledger.connection, now=MAY) == NAMES


def test_a_month_goes_when_it_is_old_and_everything_in_it_has_ended(ledger: Ledger) -> None:
    partitions.make_ahead(ledger.connection, now=MAY)
    accept_in(ledger, MAY)
    settle_all(ledger)
    assert drop(ledger, utc(2002, 5, 31)) == [], "a year is not over before the whole month is a year old"
    assert sorted(drop(ledger)) == sorted(NAMES[:3])
    assert there(ledger) == sorted(NAMES[3:])
    assert ledger.states() == {}
    assert drop(ledger) == []


def test_the_counters_of_a_dropped_month_stay_and_are_sealed(ledger: Ledger) -> None:
    partitions.make_ahead(ledger.connection, now=MAY)
    accept_in(ledger, MAY)
    settle_all(ledger)
    drop(ledger)
    assert ledger.tally() == {"sent": 1}
    ledger.assert_balanced()


@pytest.mark.parametrize("state", [state for state in State if state.pending], ids=lambda state: state.word)
def test_a_month_with_something_left_to_do_is_never_dropped(ledger: Ledger, state: State) -> None:
    partitions.make_ahead(ledger.connection, now=MAY)
    delivery = accept_in(ledger, MAY)
    ledger.connection.execute("UPDATE delivery SET state = %s", (state,))
    assert sorted(drop(ledger, utc(2018, 1, 1))) == sorted(NAMES[3:])
    assert ledger.state(delivery) is state
    assert ledger.count("notification") == 1


def test_a_send_for_years_later_outlives_its_month_and_can_still_be_cancelled(ledger: Ledger) -> None:
    partitions.make_ahead(ledger.connection, now=MAY)
    delivery = accept_in(ledger, MAY, due=utc(2001, 5, 17) + timedelta(days=4000))
    drop(ledger, utc(2010, 1, 1))
    assert ledger.state(delivery) is State.SCHEDULED
    assert [r.state for r in ledger.cancel([delivery])] == [State.CANCELLED]
    ledger.assert_balanced()
    drop(ledger, utc(2010, 1, 1))
    assert there(ledger) == []


def test_a_send_for_years_later_wakes_and_is_sent_from_its_old_month(ledger: Ledger) -> None:
    partitions.make_ahead(ledger.connection, now=MAY)
    delivery = accept_in(ledger, MAY, due=utc(2011, 1, 1))
    drop(ledger, utc(2010, 12, 1))
    woken: list[set[int]] = []
    Clock(ledger.connection, woken=woken.append).wake()
    assert woken == [{ledger.flow()}]
    settle_all(ledger)
    assert ledger.state(delivery) is State.SENT
    ledger.assert_balanced()


def interrupt(ledger: Ledger, table: str) -> None:
    """Cut a drop off while it waits for a reader of this table."""
    failed: list[QueryCanceled] = []

    def dropping() -> None:
        try:
            partitions.drop_old(dispatcher, now=A_YEAR_LATER, keep_months=12)
        except QueryCanceled as error:
            failed.append(error)

    with session(ledger.dsn) as reader, session(ledger.dsn) as dispatcher:
        thread = Thread(target=dropping)
        with reader.transaction():
            reader.execute(f"SELECT count(*) FROM {table}")
            thread.start()
            wait_until_blocked(ledger, dispatcher.info.backend_pid)
            ledger.connection.execute("SELECT pg_cancel_backend(%s)", (dispatcher.info.backend_pid,))
            thread.join()
    assert len(failed) == 1


@pytest.mark.parametrize("table", partitions.TABLES)
def test_an_interrupted_drop_is_finished_by_the_next_one(ledger: Ledger, table: str) -> None:
    partitions.make_ahead(ledger.connection, now=MAY)
    interrupt(ledger, table)
    assert ledger.one("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == 1
    delivery = ledger.accept()[0]
    assert ledger.state(delivery) is State.ACCEPTED, "sends go on meanwhile"
    drop(ledger)
    assert ledger.one("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == 0
    assert there(ledger) == sorted(NAMES[3:])


def test_the_clock_makes_what_is_ahead_and_drops_what_is_old(ledger: Ledger) -> None:
    partitions.make_ahead(ledger.connection, now=MAY)
    Clock(ledger.connection, woken=lambda flows: None, now=lambda: utc(2002, 8, 1)).turn_partitions()
    assert there(ledger) == sorted(NAMES[6:])
    assert ledger.one("SELECT to_regclass('delivery_y2002m10') IS NOT NULL")


def test_somebody_who_reads_an_old_month_for_hours_does_not_hold_up_the_clock(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "PATIENCE", "50ms")
    partitions.make_ahead(ledger.connection, now=MAY)
    clock = Clock(ledger.connection, woken=lambda flows: None, now=lambda: utc(2002, 8, 1))
    with session(ledger.dsn) as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM delivery, notification, delivery_event")
        clock.turn_partitions()
        clock.turn_partitions()
        assert len(there(ledger)) == len(NAMES)
    clock.turn_partitions()
    assert there(ledger) == sorted(NAMES[6:])
