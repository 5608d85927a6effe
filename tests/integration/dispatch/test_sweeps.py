"""What a crash left behind finds its place again."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from techrar.dispatch import sweeps
from techrar.ledger.moves import Move
from techrar.ledger.reservations import SOLO_AFTER
from techrar.ledger.states import State
from techrar.policy.decide import POISON_AFTER
from tests.support.ledger import Ledger, session, utc


def test_an_envelope_that_nobody_claimed_goes_out_again(ledger: Ledger) -> None:
    ids = ledger.accept(3)
    ledger.reserve(ledger.flow())
    assert sweeps.envelopes(ledger.connection) == 0, "its time has not come"
    ledger.make_overdue()
    assert sweeps.envelopes(ledger.connection) == 1
    assert ledger.states() == {"accepted": 3}
    assert ledger.take(ledger.flow()).ids == ids
    ledger.assert_balanced()


def test_a_retry_that_got_lost_on_the_ladder_goes_out_again(ledger: Ledger) -> None:
    delivery = ledger.accept()[0]
    claimed = ledger.take(ledger.flow())
    ledger.settle(claimed, State.QUEUED, held_by=uuid4(), delay=1.0, attempt=1)
    ledger.make_overdue()
    assert sweeps.envelopes(ledger.connection) == 1
    assert (ledger.state(delivery), ledger.row(delivery).attempt) == (State.ACCEPTED, 1)
    assert ledger.one("SELECT given_back FROM flow") == 0, "what is on the ladder is not in the window"


def test_two_sweepers_at_once_take_different_envelopes(ledger: Ledger) -> None:
    ledger.accept(4)
    ledger.reserve(ledger.flow(), size=1)
    ledger.make_overdue()
    with session(ledger.dsn) as other, other.transaction():
        assert len(other.execute(sweeps.OVERDUE_ENVELOPES, {"limit": 3}).fetchall()) == 3
        assert sweeps.envelopes(ledger.connection) == 1
    assert sweeps.envelopes(ledger.connection) == 3


def test_rows_that_were_claimed_and_never_called_go_back_unharmed(ledger: Ledger) -> None:
    ids = ledger.accept(3)
    ledger.take(ledger.flow())
    ledger.lose_leases()
    assert sweeps.leases(ledger.connection) == 1
    assert ledger.states() == {"accepted": 3}
    rows = [ledger.row(i) for i in ids]
    assert {(r.attempt, r.possible_duplicate, r.lost_leases, r.held_by) for r in rows} == {(0, False, 1, None)}
    assert [e.kind for e in ledger.events(ids[0])] == ["lease_lost"]
    assert (ledger.count("claim"), ledger.count("begun")) == (0, 0)
    ledger.assert_balanced()


def test_only_rows_whose_call_had_begun_have_an_unclear_end(ledger: Ledger) -> None:
    begun, untouched = ledger.accept(2, category="marketing", priority=3)
    claimed = ledger.take(ledger.flow(priority=3))
    ledger.begin(claimed, [begun])
    ledger.lose_leases()
    sweeps.leases(ledger.connection)
    assert (ledger.state(begun), ledger.state(untouched)) == (State.UNKNOWN, State.ACCEPTED)
    assert (ledger.row(begun).attempt, ledger.row(begun).reason) == (1, "unclear")
    assert ledger.tally() == {"unknown": 1, "pending": 1}
    ledger.assert_balanced()


@pytest.mark.parametrize(
    ("category", "state", "flagged"),
    [
        ("security", State.ACCEPTED, True),
        ("transactional", State.ACCEPTED, True),
        ("social", State.UNKNOWN, False),
        ("marketing", State.UNKNOWN, False),
    ],
)
def test_the_category_says_whether_an_unclear_end_is_sent_again(
    ledger: Ledger, category: str, state: State, flagged: bool
) -> None:
    delivery = ledger.accept(category=category)[0]
    ledger.begin(ledger.take(ledger.flow()))
    ledger.lose_leases()
    sweeps.leases(ledger.connection)
    row = ledger.row(delivery)
    assert (row.state, row.possible_duplicate, row.attempt) == (state, flagged, 1)


def test_a_row_that_kills_five_consumers_is_quarantined_and_its_neighbours_are_sent(ledger: Ledger) -> None:
    poison, *neighbours = ledger.accept(3)
    for losses in range(POISON_AFTER):
        envelopes = ledger.reserve(ledger.flow())
        assert [e.ids for e in envelopes] == {
            0: [(poison, *neighbours)],
            1: [(poison, *neighbours)],
            2: [(poison,), *((n,) for n in neighbours)],
        }.get(losses, [(poison,)])
        for claimed in map(ledger.claim, envelopes):
            if claimed.ids != [poison] and losses >= SOLO_AFTER:
                ledger.settle(claimed)
        ledger.lose_leases()
        sweeps.leases(ledger.connection)
    assert (ledger.state(poison), ledger.row(poison).reason) == (State.DEAD, "poison")
    assert ledger.one("SELECT reason FROM dead_letter WHERE delivery_id = %s", (poison,)) == "poison"
    assert ledger.tally() == {"dead": 1, "sent": 2}
    ledger.assert_balanced()


def test_a_lease_is_not_taken_before_its_grace_is_over(ledger: Ledger) -> None:
    ledger.accept()
    ledger.take(ledger.flow())
    ledger.connection.execute("UPDATE claim SET lease_until = now() - interval '5 seconds'")
    assert sweeps.leases(ledger.connection) == 0
    ledger.connection.execute("UPDATE claim SET lease_until = now() - interval '11 seconds'")
    assert sweeps.leases(ledger.connection) == 1


def test_an_outcome_that_comes_after_the_sweeper_changes_nothing(ledger: Ledger) -> None:
    delivery = ledger.accept()[0]
    claimed = ledger.take(ledger.flow())
    ledger.begin(claimed)
    ledger.lose_leases()
    sweeps.leases(ledger.connection)
    assert ledger.settle(claimed) == []
    assert ledger.state(delivery) is State.ACCEPTED
    ledger.assert_balanced()


def test_a_lost_lease_does_not_take_back_what_a_receipt_has_said(ledger: Ledger) -> None:
    delivery = ledger.accept()[0]
    ledger.begin(ledger.take(ledger.flow()))
    ledger.apply([Move(delivery, State.DELIVERED, kind="delivered")])
    ledger.lose_leases()
    sweeps.leases(ledger.connection)
    row = ledger.row(delivery)
    assert (row.state, row.held_by, row.possible_duplicate) == (State.DELIVERED, None, False)
    ledger.assert_balanced()


def test_a_claim_without_rows_is_only_removed(ledger: Ledger) -> None:
    ledger.accept()
    claimed = ledger.take(ledger.flow())
    ledger.begin(claimed)
    ledger.apply([Move(i, State.SENT, kind="sent", fence=claimed.id) for i in claimed.ids])
    ledger.lose_leases()
    assert sweeps.leases(ledger.connection) == 1
    assert (ledger.states(), ledger.count("claim"), ledger.count("begun")) == ({"sent": 1}, 0, 0)


def test_what_is_too_late_expires_wherever_it_waits(ledger: Ledger) -> None:
    soon, later = utc(2040, 1, 1), utc(2045, 1, 1)
    scheduled = ledger.accept(due=utc(2039, 1, 1), expires=soon)[0]
    queued = ledger.accept(expires=soon)[0]
    (envelope,) = ledger.reserve(ledger.flow())
    accepted, not_yet = ledger.accept(expires=soon)[0], ledger.accept(expires=later)[0]
    never = ledger.accept()[0]
    window = {"since": utc(2039, 6, 1), "until": soon}
    assert sweeps.expiries(ledger.connection, **window) == 3
    assert {ledger.state(i) for i in (scheduled, queued, accepted)} == {State.EXPIRED}
    assert {ledger.state(i) for i in (not_yet, never)} == {State.ACCEPTED}
    assert sweeps.expiries(ledger.connection, **window) == 0
    assert ledger.claim(envelope).rows == []
    assert ledger.tally() == {"expired": 3, "pending": 2}
    assert {e.kind for i in (scheduled, queued, accepted) for e in ledger.events(i)} == {"expired"}
    ledger.assert_balanced()


def test_what_is_being_sent_does_not_expire_under_the_hands_of_its_consumer(ledger: Ledger) -> None:
    delivery = ledger.accept(expires=utc(2040, 1, 1))[0]
    ledger.take(ledger.flow())
    assert sweeps.expiries(ledger.connection, since=utc(2039, 1, 1), until=utc(2041, 1, 1)) == 0
    assert ledger.state(delivery) is State.SENDING


def test_idempotency_keys_are_kept_for_three_days(ledger: Ledger) -> None:
    for age in (71, 73):
        ledger.connection.execute(
            "INSERT INTO idempotency VALUES (1, 0, 'send', %s, '', 202, '', now() - %s)",
            (str(age), timedelta(hours=age)),
        )
    assert sweeps.old_keys(ledger.connection) == 1
    assert ledger.one("SELECT key FROM idempotency") == "71"
