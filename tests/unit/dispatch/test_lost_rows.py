"""Where does a row belong whose consumer died with it?"""

from __future__ import annotations

from types import SimpleNamespace
from uuid import uuid4

import pytest

from techrar.dispatch.sweeps import lost_row
from techrar.ledger.moves import Move
from techrar.ledger.states import State
from techrar.policy.decide import POISON_AFTER

CLAIM = uuid4()


def lost(*, begun: bool, category: str = "transactional", priority: int = 1, attempt: int = 0, losses: int = 0) -> Move:
    row = SimpleNamespace(id=uuid4(), category=category, priority=priority, attempt=attempt, lost_leases=losses)
    move = lost_row(row, begun=begun, fence=CLAIM)
    assert (move.id, move.fence) == (row.id, CLAIM)
    return move


@pytest.mark.parametrize("category", ["security", "transactional", "social", "marketing", "no such word"])
def test_a_row_that_was_never_called_goes_back_unharmed(category: str) -> None:
    move = lost(begun=False, category=category)
    assert (move.state, move.attempt, move.possible_duplicate) == (State.ACCEPTED, None, None)
    assert move.lost_leases == 1


@pytest.mark.parametrize("category", ["security", "transactional"])
def test_an_unclear_end_is_sent_again_and_flagged_where_missing_is_worse_than_twice(category: str) -> None:
    move = lost(begun=True, category=category)
    assert (move.state, move.attempt, move.possible_duplicate) == (State.ACCEPTED, 1, True)


@pytest.mark.parametrize("category", ["social", "marketing", "no such word"])
def test_an_unclear_end_is_held_where_twice_is_worse_than_missing(category: str) -> None:
    move = lost(begun=True, category=category, priority=3)
    assert (move.state, move.attempt, move.possible_duplicate) == (State.UNKNOWN, 1, None)


@pytest.mark.parametrize(("priority", "attempts"), [(0, 4), (1, 4), (2, 3), (3, 3)])
def test_an_unclear_end_of_the_last_attempt_is_held(priority: int, attempts: int) -> None:
    assert lost(begun=True, priority=priority, attempt=attempts - 2).state is State.ACCEPTED
    assert lost(begun=True, priority=priority, attempt=attempts - 1).state is State.UNKNOWN


@pytest.mark.parametrize("begun", [True, False])
def test_a_row_that_keeps_losing_its_consumers_is_poison(begun: bool) -> None:
    assert lost(begun=begun, losses=POISON_AFTER - 2).state is State.ACCEPTED
    move = lost(begun=begun, losses=POISON_AFTER - 1)
    assert (move.state, move.reason, move.lost_leases) == (State.DEAD, "poison", POISON_AFTER)
