"""Does one statement move rows, events and tallies together, for whoever holds them and nobody else?"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from psycopg.errors import CheckViolation

from techrar.ledger.moves import Move
from techrar.ledger.states import LEGAL, OPEN, PENDING, State
from tests.support.ledger import Ledger

S = State


def put_into(ledger: Ledger, state: State) -> UUID:
    """A delivery in this state, with its tally as it must be."""
    delivery = ledger.accept()[0]
    ledger.connection.execute("UPDATE delivery SET state = %s, relay_at = NULL WHERE id = %s", (state, delivery))
    if not state.pending:
        ledger.connection.execute("UPDATE tally SET state = %s WHERE state = %s", (state, PENDING))
    return delivery


@pytest.mark.parametrize("source", State, ids=lambda state: state.word)
@pytest.mark.parametrize("held", [True, False], ids=["holder", "anybody"])
def test_a_row_moves_exactly_where_the_table_allows(ledger: Ledger, source: State, held: bool) -> None:
    """What a holder says is kept as an event even where it comes too late to move the row."""
    for target in State:
        delivery, holder = put_into(ledger, source), uuid4()
        ledger.connection.execute("UPDATE delivery SET held_by = %s", (holder,))
        moved = ledger.apply([Move(delivery, target, kind="told", fence=holder if held else None)])
        legal = (source, target) in (LEGAL if held else OPEN)
        assert ledger.state(delivery) == (target if legal else source)
        assert [r.legal for r in moved] == ([legal] if held or legal else [])
        assert len(ledger.events(delivery)) == len(moved)
        ledger.connection.execute("DELETE FROM delivery; DELETE FROM tally")


@pytest.mark.parametrize("late", [S.CANCELLED, S.EXPIRED])
def test_a_cancel_or_an_expiry_that_comes_after_the_claim_does_not_deny_what_is_sent(
    ledger: Ledger, late: State
) -> None:
    delivery = ledger.accept()[0]
    claimed = ledger.take(ledger.flow())
    assert ledger.apply([Move(delivery, late, kind=late.word)]) == []
    ledger.settle(claimed)
    assert ledger.state(delivery) is S.SENT


def test_only_who_holds_a_row_writes_its_outcome(ledger: Ledger) -> None:
    ledger.accept(2)
    claimed = ledger.take(ledger.flow())
    stranger = [Move(i, S.SENT, kind="sent", fence=uuid4(), vendor_id="v") for i in claimed.ids]
    assert ledger.apply(stranger) == []
    assert ledger.states() == {"sending": 2}
    assert ledger.count("delivery_event") == 0
    assert len(ledger.settle(claimed)) == 2
    assert ledger.states() == {"sent": 2}


def test_an_outcome_that_comes_too_late_leaves_nothing_behind_when_it_comes_together_with_the_holders(
    ledger: Ledger,
) -> None:
    """A process that was cut off lost a row, claimed it again, and writes both outcomes in one flush."""
    delivery = ledger.accept()[0]
    holder = ledger.take(ledger.flow()).id
    late = Move(delivery, S.SENT, kind="sent", fence=uuid4(), vendor_id="first", vendor_index=True)
    own = Move(delivery, S.SENT, kind="sent", fence=holder, vendor_id="second", vendor_index=True)
    assert len(ledger.apply([late, own], done=[holder])) == 1
    assert [event.vendor_id for event in ledger.events(delivery)] == ["second"]
    assert ledger.one("SELECT array_agg(vendor_id) FROM vendor_message") == ["second"]
    ledger.assert_balanced()


def test_an_outcome_counts_once_however_often_it_is_written(ledger: Ledger) -> None:
    ledger.accept(3)
    claimed = ledger.take(ledger.flow())
    moves = [
        Move(i, S.SENT, kind="sent", fence=claimed.id, account_id=5, attempt=1, cost_micros=70, currency="EUR")
        for i in claimed.ids
    ]
    assert len(ledger.apply(moves, done=[claimed.id])) == 3
    assert ledger.apply(moves, done=[claimed.id]) == []
    assert ledger.tally() == {"sent": 3}
    assert ledger.one("SELECT sum(cost_micros) FROM tally WHERE account_id = 5 AND currency = 'EUR'") == 210
    assert ledger.count("delivery_event") == 3
    ledger.assert_balanced()


@pytest.mark.parametrize("said", [[S.DELIVERED], [S.SENT, S.DELIVERED], [S.SENT, S.BOUNCED]])
def test_facts_are_kept_when_receipts_were_faster(ledger: Ledger, said: list[State]) -> None:
    """The vendor says what became of it before we have written that it was sent."""
    delivery = ledger.accept()[0]
    claimed = ledger.take(ledger.flow())
    for state in said:
        ledger.apply([Move(delivery, state, kind=state.word)])
    outcome = Move(
        *(delivery, S.SENT, "sent", claimed.id),
        account_id=5,
        attempt=1,
        cost_micros=70,
        currency="EUR",
        vendor_id="v-1",
        vendor_index=True,
    )
    assert [(r.id, r.state, r.legal) for r in ledger.apply([outcome], done=[claimed.id])] == [
        (delivery, said[-1], False)
    ]
    row = ledger.row(delivery)
    assert (row.state, row.account_id, row.attempt, row.cost_micros, row.held_by) == (said[-1], 5, 1, 70, None)
    assert ledger.one("SELECT delivery_id FROM vendor_message WHERE vendor_id = 'v-1'") == delivery
    assert [e.kind for e in ledger.events(delivery)] == [*(state.word for state in said), "sent"]
    assert ledger.tally() == {said[-1].word: 1}
    ledger.assert_balanced()


@pytest.mark.parametrize("late", [S.ACCEPTED, S.QUEUED, S.SCHEDULED])
def test_a_retry_does_not_bring_back_what_has_arrived(ledger: Ledger, late: State) -> None:
    delivery = ledger.accept()[0]
    claimed = ledger.take(ledger.flow())
    ledger.apply([Move(delivery, S.DELIVERED, kind="delivered")])
    again = Move(delivery, late, kind="unclear", fence=claimed.id, held_by=uuid4(), delay=1.0, possible_duplicate=True)
    ledger.apply([again], done=[claimed.id])
    row = ledger.row(delivery)
    assert (row.state, row.relay_at, row.wake_at, row.held_by) == (S.DELIVERED, None, None, None)
    assert ledger.count("envelope") == 0
    assert not row.possible_duplicate, "what is not sent again cannot be a duplicate"
    ledger.assert_balanced()


def test_a_short_retry_is_held_by_an_envelope_that_the_sweeper_can_find(ledger: Ledger) -> None:
    ids = ledger.accept(3)
    claimed, envelope = ledger.take(ledger.flow()), uuid4()
    moves = [
        Move(i, S.QUEUED, kind="attempt_failed", fence=claimed.id, held_by=envelope, delay=5.0, attempt=1) for i in ids
    ]
    ledger.apply(moves, done=[claimed.id])
    row = ledger.all("SELECT *, check_at - now() AS wait FROM envelope")[0]
    assert (row.id, sorted(row.ids), row.n, row.on_ladder) == (envelope, ids, 3, True)
    assert (row.lane, row.priority, row.flow_id) == ("email", 1, ledger.flow())
    assert timedelta(seconds=60) < row.wait <= timedelta(seconds=65)
    assert {ledger.row(i).held_by for i in ids} == {envelope}


def test_the_retry_of_an_urgent_row_stays_in_its_lane(ledger: Ledger) -> None:
    delivery = ledger.accept(priority=0, category="security")[0]
    claimed = ledger.take(ledger.flow(priority=0))
    ledger.apply([Move(delivery, S.QUEUED, kind="attempt_failed", fence=claimed.id, held_by=uuid4(), delay=1.0)])
    assert ledger.one("SELECT lane FROM envelope") == "email.urgent"


def test_what_waits_for_long_sleeps_in_the_ledger(ledger: Ledger) -> None:
    delivery = ledger.accept()[0]
    claimed = ledger.take(ledger.flow())
    ledger.settle(claimed, S.SCHEDULED, delay=3600.0)
    wait = ledger.one("SELECT wake_at - now() FROM delivery WHERE due_at = wake_at AND relay_at IS NULL")
    assert timedelta(minutes=59) < wait <= timedelta(minutes=60)
    assert ledger.row(delivery).held_by is None


def test_what_is_given_up_lies_among_the_dead_letters_of_its_cause(ledger: Ledger) -> None:
    ids = ledger.accept(3)
    claimed = ledger.take(ledger.flow())
    reasons = ["timeout", "timeout", "credentials"]
    ledger.apply(
        [
            Move(i, S.DEAD, kind="dead", fence=claimed.id, reason=reason, account_id=4)
            for i, reason in zip(ids, reasons, strict=True)
        ]
    )
    letters = ledger.all("SELECT * FROM dead_letter ORDER BY delivery_id")
    assert [(x.delivery_id, x.reason, x.account_id, x.merchant_id) for x in letters] == [
        (i, reason, 4, 1) for i, reason in zip(ids, reasons, strict=True)
    ]
    assert letters[0].fingerprint == letters[1].fingerprint != letters[2].fingerprint
    assert ledger.tally() == {"dead": 3}


def test_a_claim_is_forgotten_with_its_last_outcome(ledger: Ledger) -> None:
    ledger.accept(2)
    claimed = ledger.take(ledger.flow())
    ledger.begin(claimed)
    first, second = (Move(i, S.SENT, kind="sent", fence=claimed.id) for i in claimed.ids)
    ledger.apply([first])
    assert (ledger.count("claim"), ledger.count("begun")) == (1, 1)
    ledger.apply([second], done=[claimed.id])
    assert (ledger.count("claim"), ledger.count("begun")) == (0, 0)


def test_an_event_has_the_time_of_what_it_tells(ledger: Ledger) -> None:
    delivery = ledger.accept()[0]
    claimed = ledger.take(ledger.flow())
    ledger.settle(claimed, age=30.0)
    noon = ledger.one("SELECT timestamptz '2031-01-01 12:00Z'")
    ledger.apply([Move(delivery, S.DELIVERED, kind="delivered", at=noon)])
    sent, delivered = ledger.events(delivery)
    assert timedelta(seconds=29) < ledger.one("SELECT clock_timestamp()") - sent.at < timedelta(seconds=40)
    assert delivered.at == noon


@pytest.mark.parametrize("wrong", ["tally", "delivery_event"])
def test_rows_events_and_tallies_are_written_together_or_not_at_all(ledger: Ledger, wrong: str) -> None:
    ledger.accept(2)
    claimed = ledger.take(ledger.flow())
    before = ledger.tally()
    ledger.connection.execute(f"ALTER TABLE {wrong} ADD CONSTRAINT sabotage CHECK (state <> 6) NOT VALID")
    try:
        with pytest.raises(CheckViolation):
            ledger.settle(claimed)
    finally:
        ledger.connection.execute(f"ALTER TABLE {wrong} DROP CONSTRAINT sabotage")
    assert ledger.states() == {"sending": 2}
    assert (ledger.tally(), ledger.count("delivery_event"), ledger.count("claim")) == (before, 0, 1)
    ledger.assert_balanced()


def test_moving_between_pending_states_costs_no_counter(ledger: Ledger) -> None:
    ledger.accept(5)
    ledger.connection.execute("UPDATE tally SET shard = 9")
    claimed = ledger.take(ledger.flow())
    ledger.settle(claimed, S.ACCEPTED)
    assert ledger.all("SELECT shard, n FROM tally") == [(9, 5)]
