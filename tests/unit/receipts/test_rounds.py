"""In which order are receipts applied that speak of the same delivery?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from techrar.receipts.apply import rounds

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
Said = tuple[int, int]  #: delivery, second


def receipts(said: list[Said]) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(id=n, delivery_id=UUID(int=delivery), at=NOON + timedelta(seconds=second))
        for n, (delivery, second) in enumerate(said)
    ]


words = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), max_size=40)


@given(words)
def test_every_receipt_is_applied_once_and_each_round_names_a_delivery_once(said: list[Said]) -> None:
    batches = list(rounds(receipts(said)))
    assert sorted(r.id for batch in batches for r in batch) == list(range(len(said)))
    for batch in batches:
        assert len({r.delivery_id for r in batch}) == len(batch) > 0


@given(words)
def test_a_delivery_hears_its_receipts_in_the_order_of_their_time(said: list[Said]) -> None:
    heard: dict[UUID, list[tuple[datetime, int]]] = {}
    for batch in rounds(receipts(said)):
        for r in batch:
            heard.setdefault(r.delivery_id, []).append((r.at, r.id))
    assert all(order == sorted(order) for order in heard.values())


@given(words)
def test_there_are_no_more_rounds_than_the_busiest_delivery_has_receipts(said: list[Said]) -> None:
    busiest = max([sum(d == delivery for d, _ in said) for delivery, _ in said], default=0)
    assert len(list(rounds(receipts(said)))) == busiest
