"""What leaves the ledger next, and what comes back?"""

from __future__ import annotations

from uuid import UUID

import pytest
from psycopg.errors import UniqueViolation
from uuid_utils.compat import uuid7

from techrar.ledger import reservations
from techrar.ledger.reservations import PICK, SOLO_AFTER, Reservation, give_back
from tests.support.ledger import Ledger, session, utc


def ids_of(made: list[Reservation]) -> list[UUID]:
    return [i for r in made for i in r.ids]


def test_rows_leave_in_the_order_they_were_accepted(ledger: Ledger) -> None:
    ids = ledger.accept(10)
    assert ids_of(ledger.reserve(ledger.flow(), limit=4)) == ids[:4]
    assert ids_of(ledger.reserve(ledger.flow(), limit=100)) == ids[4:]
    assert ledger.reserve(ledger.flow()) == []


def test_a_reserved_row_names_its_envelope_and_the_envelope_its_rows(ledger: Ledger) -> None:
    ledger.accept(5)
    for made in ledger.reserve(ledger.flow(), size=2):
        row = ledger.all("SELECT * FROM envelope WHERE id = %s", (made.publish_id,))[0]
        assert (tuple(row.ids), row.n, row.flow_id, row.solo) == (made.ids, len(made.ids), ledger.flow(), False)
        assert {(d.held_by, d.state, d.relay_at) for d in map(ledger.row, made.ids)} == {(made.publish_id, 3, None)}
    ledger.assert_balanced()


def test_the_cursor_goes_on_where_the_last_round_ended(ledger: Ledger) -> None:
    ids = ledger.accept(6)
    assert ids_of(ledger.reserve(ledger.flow(), after=ids[2])) == ids[3:]
    assert ids_of(ledger.reserve(ledger.flow())) == ids[:3]


def test_a_flow_takes_only_its_own_rows(ledger: Ledger) -> None:
    mine, other = ledger.accept(2), ledger.accept(2, merchant=2)
    assert ids_of(ledger.reserve(ledger.flow())) == mine
    assert ids_of(ledger.reserve(ledger.flow(merchant=2))) == other


def test_what_is_not_due_stays(ledger: Ledger) -> None:
    ledger.accept(3, due=utc(2050, 1, 1))
    assert ledger.reserve(ledger.flow()) == []
    assert ledger.states() == {"scheduled": 3}


def test_what_killed_consumers_travels_alone_and_its_envelope_says_so(ledger: Ledger) -> None:
    ids = ledger.accept(5)
    ledger.connection.execute("UPDATE delivery SET lost_leases = %s WHERE id = %s", (SOLO_AFTER, ids[2]))
    made = ledger.reserve(ledger.flow())
    assert [(r.ids, r.solo) for r in made] == [((ids[0], ids[1], ids[3], ids[4]), False), ((ids[2],), True)]
    assert ledger.one("SELECT ids FROM envelope WHERE solo") == [ids[2]]


def test_two_relays_at_once_share_a_line_without_waiting(ledger: Ledger) -> None:
    """A lane may have two owners for a moment, when one has lost its session and does not know it yet."""
    ids = ledger.accept(10)
    with session(ledger.dsn) as other, other.transaction():
        picked = other.execute(PICK, {"flow": ledger.flow(), "after": UUID(int=0), "limit": 4}).fetchall()
        assert [row[0] for row in picked] == ids[:4]
        assert ids_of(ledger.reserve(ledger.flow())) == ids[4:]
    assert ids_of(ledger.reserve(ledger.flow())) == ids[:4]


def test_reserving_is_committed_when_it_returns(ledger: Ledger) -> None:
    ledger.accept(3)
    ledger.reserve(ledger.flow())
    with session(ledger.dsn) as other:
        assert other.execute("SELECT count(*) FROM delivery WHERE state = 3").fetchone() == (3,)


def test_half_a_reservation_is_none(ledger: Ledger) -> None:
    """The second envelope cannot be written, so nothing is reserved."""
    ledger.accept(4)
    name = uuid7()
    with pytest.raises(UniqueViolation):
        reservations.reserve(
            ledger.connection,
            flow=ledger.flow(),
            lane="email",
            priority=1,
            after=UUID(int=0),
            limit=4,
            size=2,
            check=60.0,
            new_id=lambda: name,
        )
    assert ledger.states() == {"accepted": 4}
    assert ledger.count("envelope") == 0


def test_what_the_broker_refused_is_in_line_again(ledger: Ledger) -> None:
    ids = ledger.accept(4)
    first, second = ledger.reserve(ledger.flow(), size=2)
    assert give_back(ledger.connection, [first.publish_id]) == 2
    assert ledger.states() == {"accepted": 2, "queued": 2}
    assert ids_of(ledger.reserve(ledger.flow())) == ids[:2]
    assert ledger.claim(second).ids == ids[2:]
    ledger.assert_balanced()


def test_giving_back_twice_or_too_late_changes_nothing(ledger: Ledger) -> None:
    ledger.accept(4)
    (envelope,) = ledger.reserve(ledger.flow())
    ledger.claim_ids(envelope.ids[:3], [envelope.publish_id] * 3)
    assert give_back(ledger.connection, [envelope.publish_id]) == 0, "the claim has taken it over"
    assert give_back(ledger.connection, [uuid7()]) == 0
    assert give_back(ledger.connection, []) == 0


def test_only_what_is_still_unclaimed_comes_back(ledger: Ledger) -> None:
    ids = ledger.accept(4)
    (envelope,) = ledger.reserve(ledger.flow())
    ledger.claim_ids(ids[:1], [envelope.publish_id], emptied=False)
    ledger.cancel(ids[1:2])
    assert give_back(ledger.connection, [envelope.publish_id]) == 2
    assert ledger.states() == {"sending": 1, "cancelled": 1, "accepted": 2}
    assert ledger.count("envelope") == 0
    ledger.assert_balanced()


def test_what_came_back_is_counted_for_the_relay(ledger: Ledger) -> None:
    ledger.accept(5)
    ledger.accept(3, merchant=2)
    mine = ledger.reserve(ledger.flow(), size=2)
    other = ledger.reserve(ledger.flow(merchant=2))
    give_back(ledger.connection, [r.publish_id for r in mine[:2] + other])
    give_back(ledger.connection, [r.publish_id for r in mine[:2]])
    assert ledger.all("SELECT merchant_id, given_back FROM flow ORDER BY 1") == [(1, 4), (2, 3)]
