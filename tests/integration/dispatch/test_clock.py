"""What does time do to the ledger?"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from techrar.dispatch import clock as module
from techrar.dispatch import sql
from techrar.dispatch.clock import Chore, Clock
from techrar.ledger.states import State
from tests.support.ledger import Ledger, session, utc


@pytest.fixture
def woken() -> list[set[int]]:
    return []


@pytest.fixture
def clock(ledger: Ledger, woken: list[set[int]]) -> Clock:
    return Clock(ledger.connection, woken=woken.append)


def ago(ledger: Ledger, seconds: float) -> datetime:
    moment: datetime = ledger.one("SELECT now() - %s", (timedelta(seconds=seconds),))
    return moment


def test_what_is_due_joins_its_line_and_its_flow_is_named(ledger: Ledger, clock: Clock, woken: list[set[int]]) -> None:
    due = ledger.accept(2, due=ago(ledger, 1)) + ledger.accept(1, merchant=2, due=ago(ledger, 60))
    not_yet = ledger.accept(1, due=utc(2050, 1, 1))[0]
    clock.wake()
    assert [ledger.state(i) for i in due] == [State.ACCEPTED] * 3
    assert {(r.relay_at is None, r.wake_at is None) for r in map(ledger.row, due)} == {(False, True)}
    assert ledger.state(not_yet) is State.SCHEDULED
    assert woken == [{ledger.flow(), ledger.flow(merchant=2)}]
    assert ledger.take(ledger.flow()).ids == due[:2]
    ledger.assert_balanced()


def test_nobody_is_woken_for_nothing(ledger: Ledger, clock: Clock, woken: list[set[int]]) -> None:
    ledger.accept(due=utc(2050, 1, 1))
    clock.wake()
    assert woken == []


def test_any_number_wakes_in_batches(
    ledger: Ledger, clock: Clock, woken: list[set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAKE_BATCH", 10)
    ledger.accept(25, due=ago(ledger, 1))
    clock.wake()
    assert ledger.states() == {"accepted": 25}
    assert len(woken) == 3


def test_two_clocks_at_once_wake_each_row_once(ledger: Ledger, clock: Clock, woken: list[set[int]]) -> None:
    ledger.accept(10, due=ago(ledger, 1))
    with session(ledger.dsn) as other, other.transaction():
        assert len(other.execute(sql.WAKE_PICK, {"limit": 4}).fetchall()) == 4
        clock.wake()
        assert ledger.states() == {"accepted": 6, "scheduled": 4}
    clock.wake()
    assert ledger.states() == {"accepted": 10}


def test_a_cancelled_sleeper_never_wakes(ledger: Ledger, clock: Clock, woken: list[set[int]]) -> None:
    sleeper = ledger.accept(due=ago(ledger, -5))
    ledger.cancel(sleeper)
    ledger.connection.execute("UPDATE delivery SET due_at = now() - interval '1 hour'")
    clock.wake()
    assert (woken, ledger.states()) == ([], {"cancelled": 1})


def test_what_is_too_late_expires_also_when_it_came_a_moment_after_the_last_look(ledger: Ledger, clock: Clock) -> None:
    clock.expire()
    late = ledger.accept(expires=ago(ledger, 30))
    kept = ledger.accept(expires=utc(2050, 1, 1))
    clock.expire()
    assert ledger.state(late[0]) is State.EXPIRED
    assert ledger.state(kept[0]) is State.ACCEPTED


def test_a_dispatcher_that_starts_expires_what_ended_while_none_ran(ledger: Ledger, clock: Clock) -> None:
    ledger.accept(2, expires=ago(ledger, 86_400))
    clock.expire()
    assert ledger.states() == {"expired": 2}


def test_each_chore_comes_in_its_time_and_the_rest_is_let_alone(ledger: Ledger) -> None:
    done: list[str] = []
    now = 100.0
    clock = Clock(ledger.connection, woken=lambda flows: None, monotonic=lambda: now)
    clock.chores = [Chore(1.0, lambda: done.append("often")), Chore(10.0, lambda: done.append("seldom"))]
    for _ in range(21):
        clock.tick()
        now += 0.5
    assert (done.count("often"), done.count("seldom")) == (11, 2)


def test_one_tick_does_all_that_a_start_needs(ledger: Ledger, clock: Clock) -> None:
    due, stuck = ledger.accept(due=ago(ledger, 1))[0], ledger.accept(merchant=2)[0]
    lost = ledger.accept(merchant=3)[0]
    ledger.reserve(ledger.flow(merchant=2))
    ledger.make_overdue()
    ledger.take(ledger.flow(merchant=3))
    ledger.lose_leases()
    clock.tick()
    assert [ledger.state(i) for i in (due, stuck, lost)] == [State.ACCEPTED] * 3
    ledger.assert_balanced()
