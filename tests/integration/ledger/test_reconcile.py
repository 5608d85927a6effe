"""Does the ledger notice when it does not balance, and only then?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from techrar.ledger.flows import FlowState
from techrar.ledger.reconcile import reconcile
from techrar.ledger.states import State
from tests.support.ledger import Ledger, utc


def some_traffic(ledger: Ledger) -> None:
    ledger.accept(6)
    first, second, third = ledger.reserve(ledger.flow(), size=2)
    ledger.settle(ledger.claim(first), cost_micros=40, currency="EUR", account_id=3)
    ledger.settle(ledger.claim(second), State.FAILED, reason="invalid_address", account_id=3)
    ledger.claim(third)
    ledger.accept(4, merchant=2, channel="sms", due=utc(2050, 1, 1))


def wrong(ledger: Ledger) -> list[str]:
    return ledger.report().wrong


def test_an_empty_ledger_balances(ledger: Ledger) -> None:
    assert (ledger.report().wrong, ledger.report().lines) == ([], [])


def test_each_merchants_day_is_a_line_whose_states_add_up_to_what_was_planned(ledger: Ledger) -> None:
    some_traffic(ledger)
    lines = [(line.merchant_id, line.mode, line.run_id, line.planned, line.states) for line in ledger.report().lines]
    assert lines == [(1, 0, 0, 6, {"sending": 2, "sent": 2, "failed": 2}), (2, 0, 0, 4, {"scheduled": 4})]
    assert wrong(ledger) == []


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("UPDATE tally SET n = n + 1 WHERE state = 6", "sent account 3 variant 0: 2 rows, tally says 3"),
        ("DELETE FROM tally WHERE state = 9", "failed invalid_address account 3 variant 0: 2 rows, tally says 0"),
        ("UPDATE tally SET cost_micros = 79 WHERE state = 6", "rows cost 80 micros EUR, tally says 79"),
        ("DELETE FROM delivery WHERE state = 4", "pending account 0 variant 0: 0 rows, tally says 2"),
        ("UPDATE delivery SET state = 7 WHERE state = 6", "delivered account 3 variant 0: 2 rows, tally says 0"),
        ("UPDATE delivery SET account_id = 4 WHERE state = 6", "sent account 4 variant 0: 2 rows, tally says 0"),
        ("UPDATE delivery SET mode = 1 WHERE state = 6", "merchant 1 live run 0 email transactional: sent"),
        ("UPDATE tally SET merchant_id = 9 WHERE merchant_id = 2", "merchant 9 test run 0 sms"),
    ],
)
def test_a_row_or_a_counter_that_was_changed_alone_is_named(ledger: Ledger, damage: str, sentence: str) -> None:
    some_traffic(ledger)
    ledger.connection.execute(damage)
    assert any(sentence in found for found in wrong(ledger)), wrong(ledger)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("DELETE FROM claim", "held by a claim that is gone"),
        ("UPDATE delivery SET held_by = NULL WHERE state = 4", "held by a claim that is gone"),
        ("UPDATE delivery SET state = 3 WHERE state = 4", "reserved by an envelope that is gone"),
        ("UPDATE delivery SET state = 2 WHERE state = 4", "accepted but in no line"),
        ("UPDATE delivery SET wake_at = NULL WHERE state = 1", "scheduled but never due"),
    ],
)
def test_a_row_that_nothing_would_ever_move_again_is_named(ledger: Ledger, damage: str, sentence: str) -> None:
    some_traffic(ledger)
    ledger.connection.execute(damage)
    found = wrong(ledger)
    assert found
    assert all(sentence in one for one in found)
    UUID(found[0].split(":")[0])


def test_only_the_days_asked_for_are_compared(ledger: Ledger) -> None:
    some_traffic(ledger)
    ledger.connection.execute("UPDATE tally SET n = n + 1 WHERE state = 6")
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    report = reconcile(ledger.connection, since=tomorrow)
    assert (report.wrong, report.lines) == ([], [])


def test_paused_flows_and_brakes_do_not_unbalance_anything(ledger: Ledger) -> None:
    some_traffic(ledger)
    ledger.connection.execute("UPDATE flow SET state = %s", (FlowState.CANCELLED,))
    assert wrong(ledger) == []


def run_command(blocker: DjangoDbBlocker) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    with blocker.unblock():
        try:
            call_command("reconcile", stdout=out, stderr=err)
        except SystemExit as end:
            return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_the_command_says_that_all_is_well(ledger: Ledger, django_db_blocker: DjangoDbBlocker) -> None:
    some_traffic(ledger)
    code, out, err = run_command(django_db_blocker)
    assert (code, err) == (0, "")
    today = datetime.now(UTC).date()
    assert f"{today} merchant 1 test sends: 6 planned = 2 sending, 2 sent, 2 failed" in out
    assert out.rstrip().endswith("balanced: 10 deliveries")


def test_the_command_fails_when_something_does_not_balance(ledger: Ledger, django_db_blocker: DjangoDbBlocker) -> None:
    some_traffic(ledger)
    ledger.connection.execute("UPDATE tally SET n = n + 1 WHERE state = 6")
    ledger.connection.execute("UPDATE delivery SET held_by = %s WHERE state = 4", (uuid4(),))
    code, out, err = run_command(django_db_blocker)
    assert code == 1
    assert err.count("does not balance:") == 3
    assert "balanced:" not in out
