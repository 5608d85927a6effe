"""Does the checker let an honest history pass, and name each thing that is wrong in one that is not?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.chaos.checker import Call, Evidence, Row, check
from techrar.ledger.states import State

SENT = Row(State.SENT, times_sent=1)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Call], Row, int, bool]:
    """One delivery of an honest service: calls, row, how often a death cut it short, and can its receiver tell?"""
    identifier = draw(st.uuids())
    refused = [Call(identifier, taken=False, clear=True)] * draw(st.integers(0, 3))
    deaths, idempotent = draw(st.integers(0, 2)), draw(st.booleans())
    doubts = draw(st.integers(0, 2))
    doubtful = [Call(identifier, taken=draw(st.booleans()), clear=False) for _ in range(doubts)]
    cut = [Call(identifier, taken=True, clear=True) for _ in range(deaths) if draw(st.booleans())]
    held = bool(doubts or deaths) and draw(st.booleans())
    last = [] if held else [Call(identifier, taken=True, clear=True)]
    calls = draw(st.permutations(refused + doubtful + cut)) + last
    if not calls:
        calls = [Call(identifier, taken=False, clear=True)]
    flagged = bool(deaths) or (bool(doubts) and not idempotent)
    return calls, Row(State.UNKNOWN, flagged=flagged) if held else replace(SENT, flagged=flagged), deaths, idempotent


@st.composite
def honest(draw: st.DrawFn) -> Evidence:
    made = draw(st.lists(deliveries(), min_size=2, max_size=12, unique_by=lambda one: one[0][0].delivery))
    ids = [calls[0].delivery for calls, *_ in made]
    calls = draw(st.permutations([call for calls, *_ in made for call in calls]))
    skipped, reason = uuid4(), "poison"
    return Evidence(
        accepted=[*ids, skipped],
        calls=calls,
        rows={**{i: row for i, (_, row, _, _) in zip(ids, made, strict=True)}, skipped: Row(State.DEAD, reason)},
        in_flight={i: deaths for i, (_, _, deaths, _) in zip(ids, made, strict=True)},
        idempotent=[i for i, (*_, idempotent) in zip(ids, made, strict=True) if idempotent],
        excused=[reason],
    )


@given(honest())
def test_an_honest_history_passes(evidence: Evidence) -> None:
    assert check(evidence).wrong == {}


def add_row(evidence: Evidence, row: Row | None, *calls: tuple[bool, bool], deaths: int = 0) -> Evidence:
    """The same history with one more delivery; its calls are (taken, clear)."""
    identifier = uuid4()
    return replace(
        evidence,
        accepted=[*evidence.accepted, identifier],
        calls=[*evidence.calls, *(Call(identifier, taken=taken, clear=clear) for taken, clear in calls)],
        rows=evidence.rows if row is None else {**evidence.rows, identifier: row},
        in_flight={**evidence.in_flight, identifier: deaths},
    )


TAKEN, DOUBTFUL = (True, True), (True, False)
FLAGGED = replace(SENT, flagged=True)
LIES: dict[str, tuple[Callable[[Evidence], Evidence], set[str]]] = {
    "its row is gone and nobody saw it": (lambda e: add_row(e, None), {"lost"}),
    "said to be sent, and nobody saw it": (lambda e: add_row(e, SENT), {"lost"}),
    "given up for a reason that does not count": (lambda e: add_row(e, Row(State.EXPIRED, "expired")), {"lost"}),
    "held as unclear although nothing was": (lambda e: add_row(e, Row(State.UNKNOWN)), {"lost"}),
    "still waiting": (lambda e: add_row(e, Row(State.QUEUED)), {"stuck"}),
    "taken, and still waiting": (lambda e: add_row(e, Row(State.SENDING), TAKEN), {"stuck"}),
    "never accepted": (lambda e: replace(e, calls=[*e.calls, Call(uuid4(), taken=True, clear=True)]), {"unexpected"}),
    "twice without a doubt": (lambda e: add_row(e, SENT, TAKEN, TAKEN), {"beyond", "unflagged"}),
    "twice without a doubt, flagged": (lambda e: add_row(e, FLAGGED, TAKEN, TAKEN), {"beyond"}),
    "three times after one death": (lambda e: add_row(e, FLAGGED, TAKEN, TAKEN, TAKEN, deaths=1), {"beyond"}),
    "twice after a doubt, not flagged": (lambda e: add_row(e, SENT, DOUBTFUL, TAKEN), {"unflagged"}),
    "twice after a death, not flagged": (lambda e: add_row(e, SENT, TAKEN, TAKEN, deaths=1), {"unflagged"}),
    "taken, and said to have failed": (lambda e: add_row(e, Row(State.FAILED, "bad"), TAKEN), {"denied"}),
    "one outcome counted twice": (lambda e: add_row(e, replace(SENT, times_sent=2), TAKEN), {"twice"}),
    "an envelope that nobody has": (lambda e: replace(e, stranded=[uuid4()]), {"stranded"}),
    "a tally that is off by one": (lambda e: replace(e, unbalanced=["1 rows, tally says 2"]), {"unbalanced"}),
}


@pytest.mark.parametrize("lie", LIES)
@settings(max_examples=20)
@given(evidence=honest())
def test_each_lie_is_named_wherever_it_hides(lie: str, evidence: Evidence) -> None:
    tell, named = LIES[lie]
    assert check(tell(evidence)).wrong == dict.fromkeys(named, 1)


def test_a_receiver_that_knows_names_needs_no_flag_after_an_unclear_answer() -> None:
    identifier = UUID(int=1)
    calls = [Call(identifier, *DOUBTFUL), Call(identifier, *TAKEN)]
    evidence = Evidence([identifier], calls, {identifier: SENT}, idempotent=[identifier])
    assert check(evidence).wrong == {}
    assert check(replace(evidence, in_flight={identifier: 1})).wrong == {"unflagged": 1}


def test_an_answer_that_the_network_swallowed_is_a_doubt() -> None:
    identifier = UUID(int=1)
    calls = [Call(identifier, *TAKEN), Call(identifier, *TAKEN)]
    evidence = Evidence([identifier], calls, {identifier: SENT}, idempotent=[identifier])
    assert check(evidence).wrong == {"beyond": 1}
    assert check(replace(evidence, cut_off={identifier: 1})).wrong == {}
    assert check(replace(evidence, cut_off={identifier: 1}, idempotent=[])).wrong == {"unflagged": 1}
