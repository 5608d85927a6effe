"""A run is over when nothing of it is pending and everything is accounted for, and not before."""

from __future__ import annotations

from datetime import UTC, datetime

from techrar.campaigns import services
from techrar.campaigns.finishing import finish_if_balanced
from techrar.ledger.states import State
from tests.support.campaigns import ACTOR, House
from tests.support.ledger import Ledger


def started(house: House, count: int = 5) -> tuple[object, object]:
    house.fill(count)
    house.template()
    campaign = house.draft()
    run = house.launch(campaign)
    house.expand()
    return campaign, run


def settle_all(ledger: Ledger, flow: int, state: State = State.SENT) -> None:
    ledger.settle(ledger.take(flow), state)


def test_a_run_is_completed_once_nothing_is_pending(house: House, ledger: Ledger) -> None:
    campaign, run = started(house)
    house.look()
    assert house.now(campaign).state == "running"
    settle_all(ledger, run.flow_id)
    assert finish_if_balanced(ledger.connection, run.id)
    assert not finish_if_balanced(ledger.connection, run.id)  # somebody else was first
    assert house.now(campaign).state == "completed"
    assert house.now(campaign).runs.get().finished_at is not None


def test_a_run_with_chunks_left_is_not_over(house: House, ledger: Ledger) -> None:
    house.fill(3)
    house.template()
    campaign = house.draft()
    house.launch(campaign)
    house.look()
    assert house.now(campaign).state == "running"


def test_a_run_that_does_not_balance_is_held_and_says_so(house: House, ledger: Ledger) -> None:
    campaign, run = started(house)
    settle_all(ledger, run.flow_id)
    ledger.connection.execute("UPDATE chunk SET planned = planned + 1")
    house.look()
    now = house.now(campaign)
    assert (now.state, now.trouble) == ("paused", "6 deliveries were planned, 5 are accounted for.")
    assert ledger.report().wrong == [f"run {run.id}: 6 deliveries were planned, 5 are counted"]


def test_what_a_cancelled_run_left_in_the_line_is_cancelled(house: House, ledger: Ledger) -> None:
    campaign, run = started(house, 9)
    claimed = ledger.take(run.flow_id, limit=2)
    queued = ledger.reserve(run.flow_id, limit=3)
    services.cancel(campaign, actor=ACTOR, now=datetime.now(UTC))
    house.look()
    assert ledger.tally() == {"pending": 2, "cancelled": 7}
    assert house.now(campaign).runs.get().finished_at is None
    assert ledger.claim(*queued).rows == []
    ledger.settle(claimed)
    house.look()
    assert ledger.tally() == {"sent": 2, "cancelled": 7}
    assert house.now(campaign).runs.get().finished_at is not None
    assert {e.reason for e in ledger.all("SELECT reason FROM delivery_event WHERE kind = 'cancelled'")} == {
        "campaign_cancelled"
    }
    ledger.assert_balanced()


def test_a_cancel_before_the_end_of_the_expansion_leaves_no_chunks(house: House, ledger: Ledger) -> None:
    house.fill(3)
    house.template()
    campaign = house.draft()
    house.launch(campaign)
    services.cancel(campaign, actor=ACTOR, now=datetime.now(UTC))
    assert house.expand() == 0
    assert ledger.count("chunk") == 0
    house.look()
    assert house.now(campaign).runs.get().finished_at is not None
    ledger.assert_balanced()
