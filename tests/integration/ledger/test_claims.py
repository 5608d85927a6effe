"""Who may send, and until when?"""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from uuid import uuid4

from uuid_utils.compat import uuid7

from techrar.dispatch import sweeps
from techrar.ledger.flows import FlowState
from techrar.ledger.reservations import give_back
from techrar.ledger.states import State
from tests.support.ledger import Claimed, Ledger, session, utc, wait_until_blocked


def test_a_claim_gets_the_facts_that_policy_needs(ledger: Ledger) -> None:
    delivery = ledger.accept(category="security", address="ann@example.com", expires=utc(2050, 1, 1))[0]
    (row,) = ledger.take(ledger.flow()).rows
    assert (row.id, row.merchant_id, row.mode, row.channel, row.address) == (delivery, 1, 0, "email", "ann@example.com")
    assert (row.category, row.priority, row.attempt, row.lost_leases) == ("security", 1, 0, 0)
    assert (row.flow_id, row.flow_state) == (ledger.flow(), FlowState.ACTIVE)
    assert row.expires_in > 1e8


def test_rows_come_in_the_order_of_ids_whatever_order_was_asked(ledger: Ledger) -> None:
    ids = ledger.accept(20)
    (envelope,) = ledger.reserve(ledger.flow())
    shuffled = ids[::-1]
    claimed = ledger.claim_ids(shuffled, [envelope.publish_id] * 20)
    assert claimed.ids == ids


def test_the_same_envelope_twice_gives_nothing_the_second_time(ledger: Ledger) -> None:
    ledger.accept(5)
    envelopes = ledger.reserve(ledger.flow())
    first, second = ledger.claim(*envelopes), ledger.claim(*envelopes)
    assert (len(first.rows), second.rows) == (5, [])
    assert ledger.all("SELECT id FROM claim") == [(first.id,)]


def test_a_row_that_another_envelope_holds_now_is_refused(ledger: Ledger) -> None:
    """The first envelope was thought lost, and comes late after all."""
    ids = ledger.accept(3)
    (late,) = ledger.reserve(ledger.flow())
    ledger.make_overdue()
    sweeps.envelopes(ledger.connection)
    (current,) = ledger.reserve(ledger.flow())
    assert ledger.claim(late).rows == []
    assert ledger.claim(current).ids == ids


def test_what_was_cancelled_or_has_expired_meanwhile_is_refused(ledger: Ledger) -> None:
    cancelled, expired, left = ledger.accept(3, expires=utc(2050, 1, 1))
    (envelope,) = ledger.reserve(ledger.flow())
    ledger.cancel([cancelled])
    sweeps.expiries(ledger.connection, since=utc(2049, 1, 1), until=utc(2051, 1, 1), limit=1)
    refused = {i for i in (expired, left) if ledger.state(i) is State.EXPIRED}
    assert len(refused) == 1
    assert ledger.claim(envelope).ids == [i for i in (expired, left) if i not in refused]
    ledger.assert_balanced()


def test_an_id_that_no_partition_knows_is_refused(ledger: Ledger) -> None:
    assert ledger.claim_ids([uuid7(), uuid4()], [uuid7()] * 2).rows == []
    assert ledger.count("claim") == 0


def test_part_of_an_envelope_may_be_claimed_and_the_rest_later(ledger: Ledger) -> None:
    ids = ledger.accept(10)
    (envelope,) = ledger.reserve(ledger.flow())
    first = ledger.claim_ids(ids[:4], [envelope.publish_id] * 4)
    second = ledger.claim_ids(ids[4:], [envelope.publish_id] * 6)
    assert (first.ids, second.ids) == (ids[:4], ids[4:])


def test_an_envelope_is_forgotten_when_it_is_emptied_and_not_before(ledger: Ledger) -> None:
    ledger.accept(4)
    one, two = ledger.reserve(ledger.flow(), size=2)
    ledger.claim(one)
    assert ledger.all("SELECT id FROM envelope") == [(two.publish_id,)]


def test_a_paused_flow_is_told_at_the_claim(ledger: Ledger) -> None:
    ledger.accept()
    envelopes = ledger.reserve(ledger.flow())
    ledger.connection.execute("UPDATE flow SET state = %s", (FlowState.PAUSED,))
    assert ledger.claim(*envelopes).rows[0].flow_state == FlowState.PAUSED


def test_a_brake_is_told_at_the_claim(ledger: Ledger) -> None:
    ledger.accept(), ledger.accept(merchant=2)
    ledger.connection.execute("INSERT INTO brake (scope, subject) VALUES ('merchant', '2')")
    told = [ledger.take(ledger.flow(merchant=merchant)).rows[0].flow_state for merchant in (1, 2)]
    assert told == [FlowState.ACTIVE, FlowState.PAUSED]


def test_nothing_begins_when_the_lease_is_nearly_over(ledger: Ledger) -> None:
    ledger.accept(2)
    short, long = (
        ledger.claim(e, lease=lease) for e, lease in zip(ledger.reserve(ledger.flow(), size=1), (9, 45), strict=True)
    )
    assert ledger.begin(short, margin=10.0) == set()
    assert ledger.begin(long, margin=10.0) == {long.id}
    assert ledger.all("SELECT claim_id, ids FROM begun") == [(long.id, long.ids)]


def test_nothing_begins_under_a_claim_that_is_gone(ledger: Ledger) -> None:
    ledger.accept()
    claimed = ledger.take(ledger.flow())
    ledger.lose_leases()
    sweeps.leases(ledger.connection)
    assert ledger.begin(claimed) == set()
    assert ledger.begin(Claimed(uuid7(), claimed.rows)) == set()


def test_only_what_is_begun_is_noted(ledger: Ledger) -> None:
    ledger.accept(3)
    claimed = ledger.take(ledger.flow())
    ledger.begin(claimed, claimed.ids[:1])
    ledger.begin(claimed, claimed.ids[1:2])
    assert ledger.all("SELECT unnest(ids) AS id FROM begun ORDER BY id") == [(i,) for i in claimed.ids[:2]]


def test_a_lease_is_renewed_while_it_lasts_and_never_after(ledger: Ledger) -> None:
    ledger.accept(2)
    alive, lost = (ledger.claim(e, lease=20) for e in ledger.reserve(ledger.flow(), size=1))
    ledger.connection.execute("UPDATE claim SET lease_until = now() WHERE id = %s", (lost.id,))
    assert ledger.renew(alive.id, lost.id, lease=100.0) == {alive.id}
    left = ledger.one("SELECT lease_until - now() FROM claim WHERE id = %s", (alive.id,))
    assert timedelta(seconds=95) < left <= timedelta(seconds=100)


def test_leases_follow_the_clock_of_the_database(ledger: Ledger) -> None:
    ledger.accept()
    claimed = ledger.take(ledger.flow(), limit=1)
    left = ledger.one("SELECT lease_until - now() FROM claim WHERE id = %s", (claimed.id,))
    assert timedelta(seconds=40) < left <= timedelta(seconds=45)


def test_a_claim_does_not_wait_for_a_sweeper_and_the_sweeper_leaves_its_rows(ledger: Ledger) -> None:
    """In the other order of locks the two would wait for each other, and an urgent message for a deadlock's end."""
    ledger.accept(3)
    (envelope,) = ledger.reserve(ledger.flow())
    ledger.make_overdue()
    with session(ledger.dsn) as sweeper, sweeper.transaction():
        overdue = [row[0] for row in sweeper.execute(sweeps.OVERDUE_ENVELOPES, {"limit": 10})]
        assert overdue == [envelope.publish_id]
        claimed = ledger.claim(envelope)
        assert len(claimed.rows) == 3
        assert give_back(sweeper, overdue) == 0
    assert ledger.states() == {"sending": 3}
    assert ledger.count("envelope") == 0
    ledger.assert_balanced()


def test_rows_that_are_being_claimed_are_not_given_back(ledger: Ledger) -> None:
    ids = ledger.accept(3)
    (envelope,) = ledger.reserve(ledger.flow())
    back: list[int] = []
    with session(ledger.dsn) as consumer, session(ledger.dsn) as relay:
        giving = Thread(target=lambda: back.append(give_back(relay, [envelope.publish_id])))
        with consumer.transaction():
            consumer.execute("UPDATE delivery SET state = 4, held_by = %s WHERE id = ANY(%s)", (uuid4(), ids[:2]))
            giving.start()
            wait_until_blocked(ledger, relay.info.backend_pid)
        giving.join()
    assert back == [1]
    assert ledger.states() == {"sending": 2, "accepted": 1}


def test_an_outcome_does_not_wait_for_the_sweeper_of_leases(ledger: Ledger) -> None:
    """The process was cut off from the database and writes what it knows in the very moment it is given up."""
    ledger.accept(2)
    claimed = ledger.take(ledger.flow())
    ledger.begin(claimed)
    ledger.lose_leases()
    ledger.connection.execute("SET lock_timeout = '2s'")
    with session(ledger.dsn) as sweeper, sweeper.transaction():
        assert len(sweeper.execute(sweeps.LOST_CLAIMS, {"grace": 0.0}).fetchall()) == 1
        assert len(ledger.settle(claimed)) == 2
    assert ledger.states() == {"sent": 2}
    sweeps.leases(ledger.connection)
    assert (ledger.states(), ledger.count("claim"), ledger.count("begun")) == ({"sent": 2}, 0, 0)
