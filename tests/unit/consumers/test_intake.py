"""How envelopes are cut into claims."""

from __future__ import annotations

from collections import Counter, deque
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.intake import Cut, Waiting, cut
from consumers.engine.work import Gate
from techrar.broker.envelope import Envelope


class Taken:
    redelivered = False

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope

    async def ack(self) -> None: ...

    async def requeue(self) -> None: ...


def waiting(*sizes: int, flows: tuple[int, ...] = (), solo: tuple[int, ...] = ()) -> deque[Waiting]:
    """Envelopes of these sizes, each of a flow of its own unless `flows` says otherwise."""
    numbers = iter(range(1, 10_000))
    return deque(
        Waiting(
            Taken(Envelope(UUID(int=n), flow, "email", 0, [UUID(int=next(numbers)) for _ in range(size)], n in solo))
        )
        for n, (size, flow) in enumerate(zip(sizes, flows or range(1, 1 + len(sizes)), strict=True), start=1)
    )


def ids(part: Cut) -> list[int]:
    return [i.int for i in part.ids]


def test_several_envelopes_are_claimed_together() -> None:
    line = waiting(2, 3)
    part = cut(line, Gate(20))
    assert ids(part) == [1, 2, 3, 4, 5]
    assert [e.int for e in part.envelopes] == [1, 2]
    assert part.flows == {1: 2, 2: 3}
    assert len(part.emptied) == 2
    assert not line


def test_what_does_not_fit_keeps_its_place() -> None:
    line, gate = waiting(5), Gate(6)
    assert ids(cut(line, gate)) == [1, 2, 3]
    rest = cut(line, gate)
    assert ids(rest) == [4, 5]
    assert len(rest.emptied) == 1


def test_a_flow_alone_gets_half_and_others_find_room() -> None:
    gate = Gate(12)
    line = waiting(20, flows=(1,))
    gate.take(cut(line, gate).flows)
    assert gate.held == {1: 6}
    line.extend(waiting(20, flows=(2,)))
    gate.take(cut(line, gate).flows)
    assert gate.held == {1: 6, 2: 3}
    assert gate.free == 3, "and there is room for a third"


def test_a_flow_that_holds_its_part_is_passed_by() -> None:
    gate = Gate(10)
    gate.take(Counter({1: 5}))
    assert gate.room(1, besides=Counter()) == 0
    line = waiting(4, 2, flows=(1, 2))
    assert ids(cut(line, gate)) == [5, 6]
    assert [w.taken.envelope.flow_id for w in line] == [1]


def test_an_envelope_that_must_be_alone_is_never_mixed() -> None:
    line = waiting(2, 1, 2, solo=(2,))
    assert [len(cut(line, Gate(20)).ids) for _ in range(3)] == [2, 1, 2]


@given(sizes=st.lists(st.integers(1, 9), max_size=8), limits=st.lists(st.integers(2, 30), min_size=80, max_size=80))
def test_every_id_is_asked_for_once_and_in_order(sizes: list[int], limits: list[int]) -> None:
    line = waiting(*sizes, flows=(7,) * len(sizes))
    parts = [cut(line, Gate(limit)) for limit in limits]
    assert [i for p in parts for i in ids(p)] == list(range(1, sum(sizes) + 1))
    assert sum(len(p.emptied) for p in parts) == len(sizes)
    assert all(len(p.ids) <= limit for p, limit in zip(parts, limits, strict=True))
