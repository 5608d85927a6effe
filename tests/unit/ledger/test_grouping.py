"""How are picked rows cut into envelopes?"""

from __future__ import annotations

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from techrar.ledger.reservations import SOLO_AFTER, group

picks = st.lists(st.tuples(st.uuids(), st.integers(0, 6)), max_size=60, unique_by=lambda pick: pick[0])


@given(picks, st.integers(1, 25))
def test_each_row_travels_once_in_order_and_no_envelope_is_too_large(picked: list[tuple[UUID, int]], size: int) -> None:
    made = group(picked, size=size, new_id=uuid4)
    assert sorted(i for r in made for i in r.ids) == sorted(i for i, _ in picked)
    assert all(0 < len(r.ids) <= size for r in made)
    together = [i for r in made if not r.solo for i in r.ids]
    assert together == [i for i, lost in picked if lost < SOLO_AFTER]
    assert len({r.publish_id for r in made}) == len(made)


@given(picks)
def test_what_killed_consumers_before_travels_alone(picked: list[tuple[UUID, int]]) -> None:
    made = group(picked, size=10, new_id=uuid4)
    alone = [r.ids for r in made if r.solo]
    assert alone == [(i,) for i, lost in picked if lost >= SOLO_AFTER]


def test_as_few_envelopes_as_possible() -> None:
    picked = [(uuid4(), 0) for _ in range(21)]
    assert [len(r.ids) for r in group(picked, size=10, new_id=uuid4)] == [10, 10, 1]


def test_nothing_picked_makes_no_envelope() -> None:
    assert group([], size=10, new_id=uuid4) == []
