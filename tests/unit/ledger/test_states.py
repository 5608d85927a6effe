"""Is the table of states the one that the architecture describes, and do its uses follow from it?"""

from __future__ import annotations

import re

import pytest

from techrar.ledger.moves import APPLY
from techrar.ledger.states import LEGAL, TRANSITIONS, State, legal_pairs_sql, sources

S = State
#: The drawing of the architecture, arrow by arrow.
DRAWN: dict[State, set[State]] = {
    S.SCHEDULED: {S.ACCEPTED, S.CANCELLED, S.EXPIRED, S.SENT, S.DELIVERED, S.BOUNCED},
    S.ACCEPTED: {S.QUEUED, S.CANCELLED, S.EXPIRED, S.SENT, S.DELIVERED, S.BOUNCED},
    S.QUEUED: {S.ACCEPTED, S.SENDING, S.CANCELLED, S.EXPIRED, S.SENT, S.DELIVERED, S.BOUNCED},
    S.SENDING: {
        *(S.ACCEPTED, S.QUEUED, S.SCHEDULED),
        *(S.SENT, S.DELIVERED, S.BOUNCED),
        *(S.UNKNOWN, S.FAILED, S.DEAD, S.SKIPPED, S.CANCELLED, S.EXPIRED),
    },
    S.UNKNOWN: {S.SENT, S.DELIVERED, S.BOUNCED},
    S.SENT: {S.DELIVERED, S.BOUNCED},
    S.DELIVERED: {S.BOUNCED},
    S.BOUNCED: set(),
    S.FAILED: set(),
    S.DEAD: set(),
    S.SKIPPED: set(),
    S.CANCELLED: set(),
    S.EXPIRED: set(),
}
PAIRS = [(source, target) for source in State for target in State]


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda state: state.word)
def test_a_move_is_legal_exactly_where_an_arrow_is_drawn(source: State, target: State) -> None:
    assert ((source, target) in LEGAL) == (target in DRAWN[source])


def test_no_move_is_listed_twice_and_each_says_when() -> None:
    assert len(TRANSITIONS) == len(LEGAL)
    assert all(transition.when for transition in TRANSITIONS)


def test_the_guard_in_sql_is_the_table() -> None:
    pairs = {(int(a), int(b)) for a, b in re.findall(r"\((\d+), (\d+)\)", legal_pairs_sql())}
    assert pairs == {(int(a), int(b)) for a, b in LEGAL}
    assert APPLY.count(legal_pairs_sql()) == 2


def test_pending_states_come_first_and_unknown_is_the_first_that_is_not() -> None:
    assert [state for state in State if state.pending] == [S.SCHEDULED, S.ACCEPTED, S.QUEUED, S.SENDING]


def test_what_has_ended_never_becomes_pending_again() -> None:
    assert not [(a, b) for a, b in LEGAL if not a.pending and b.pending]


def test_what_a_vendor_says_only_moves_forward() -> None:
    """Among the ended states every way leads to a higher code, so no order of receipts can go in a circle."""
    forward = [(a, b) for a, b in LEGAL if not a.pending]
    assert forward
    assert all(a < b for a, b in forward)


def test_where_a_state_is_reached_from_is_read_from_the_table() -> None:
    assert sources(S.CANCELLED) == (S.SCHEDULED, S.ACCEPTED, S.QUEUED, S.SENDING)
    assert sources(S.DELIVERED) == (S.SCHEDULED, S.ACCEPTED, S.QUEUED, S.SENDING, S.UNKNOWN, S.SENT)
    assert sources(S.SCHEDULED) == (S.SENDING,)


def test_words_are_what_merchants_read() -> None:
    assert [state.word for state in State][:3] == ["scheduled", "accepted", "queued"]
