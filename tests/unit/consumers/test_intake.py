"""How envelopes are cut into claims."""

from __future__ import annotations

from collections import deque
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.intake import Waiting, cut
from techrar.broker.envelope import Envelope


class Taken:
    redelivered = False

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope

    async def ack(self) -> None: ...

    async def requeue(self) -> None: ...


def waiting(*sizes: int, solo: tuple[int, ...] = ()) -> deque[Waiting]:
    numbers = iter(range(1, 10_000))
    return deque(
        Waiting(Taken(Envelope(UUID(int=n), 1, "email", 0, [UUID(int=next(numbers)) for _ in range(size)], n in solo)))
        for n, size in enumerate(sizes, start=1)
    )


def test_several_envelopes_are_claimed_together() -> None:
    line = waiting(2, 3)
    part = cut(line, 10)
    assert [i.int for i in part.ids] == [1, 2, 3, 4, 5]
    assert [h.int for h in part.held_by] == [1, 1, 2, 2, 2]
    assert len(part.emptied) == 2
    assert not line


def test_what_does_not_fit_stays_at_the_front() -> None:
    line = waiting(5)
    assert [i.int for i in cut(line, 3).ids] == [1, 2, 3]
    rest = cut(line, 3)
    assert [i.int for i in rest.ids] == [4, 5]
    assert len(rest.emptied) == 1


def test_an_envelope_that_must_be_alone_is_never_mixed() -> None:
    line = waiting(2, 1, 2, solo=(2,))
    assert [len(cut(line, 10).ids) for _ in range(3)] == [2, 1, 2]


@given(sizes=st.lists(st.integers(1, 9), max_size=8), rooms=st.lists(st.integers(1, 9), min_size=80, max_size=80))
def test_every_id_is_asked_for_once_and_in_order(sizes: list[int], rooms: list[int]) -> None:
    line = waiting(*sizes)
    parts = [cut(line, room) for room in rooms]
    assert [i.int for p in parts for i in p.ids] == list(range(1, sum(sizes) + 1))
    assert sum(len(p.emptied) for p in parts) == len(sizes)
    assert all(len(p.ids) <= room for p, room in zip(parts, rooms, strict=True))
