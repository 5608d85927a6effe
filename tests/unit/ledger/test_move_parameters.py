"""Do moves become columns without losing or mixing anything?"""

from __future__ import annotations

from dataclasses import fields
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techrar.ledger.arrays import WRITERS, uuids
from techrar.ledger.moves import _TYPES, APPLY, Move, parameters
from techrar.ledger.states import State


@given(st.lists(st.uuids(), min_size=1, max_size=20, unique=True))
def test_every_column_has_one_value_per_move_in_the_same_order(ids: list[UUID]) -> None:
    moves = [Move(i, State.SENT, attempt=n, reason=str(n)) for n, i in enumerate(ids)]
    columns = parameters(moves, shard=3)
    for field in fields(Move):
        given = [getattr(move, field.name) for move in moves]
        assert columns[field.name] == WRITERS[_TYPES[field.name]](given)
    assert columns["lo"] <= min(ids) <= max(ids) <= columns["hi"]


def test_every_parameter_of_the_statement_is_given_and_no_other() -> None:
    given_names = set(parameters([Move(uuid4(), State.SENT)], shard=0))
    assert {name for name in given_names if f"%({name})s" not in APPLY} == set()
    assert APPLY.count("%(") == sum(APPLY.count(f"%({name})s") for name in given_names)


def test_the_claims_that_end_are_named_beside_the_moves() -> None:
    done = uuid4()
    assert parameters([Move(uuid4(), State.SENT)], shard=0, done=(done,))["done"] == uuids([done])


def test_no_moves_are_no_batch() -> None:
    with pytest.raises(ValueError, match="empty"):
        parameters([], shard=0)
