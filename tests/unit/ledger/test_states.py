"""Is the table of states the one that the architecture describes, and do its uses follow from it?"""

from __future__ import annotations

import re

import pytest

from techrar.ledger.moves import APPLY
from techrar.ledger.states import LEGAL, OPEN, TRANSITIONS, Pair, State, pairs_sql, sources

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


@pytest.mark.parametrize("table", [LEGAL, OPEN], ids=["holder", "anybody"])
def test_the_guards_in_sql_are_the_tables(table: frozenset[Pair]) -> None:
    pairs = {(int(a), int(b)) for a, b in re.findall(r"\((\d+), (\d+)\)", pairs_sql(table))}
    assert pairs == {(int(a), int(b)) for a, b in table}
    assert APPLY.count(pairs_sql(table)) == 1


def test_while_a_row_is_being_sent_only_its_holder_and_the_vendor_decide() -> None:
    assert {b for a, b in OPEN if a is S.SENDING} == {S.SENT, S.DELIVERED, S.BOUNCED}
    assert {(a, b) for a, b in LEGAL - OPEN if a is not S.SENDING} == set()


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
