"""When is an account well, and when does it get its traffic back?"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.messages import Outcome, OutcomeKind, Reason
from techrar.routing.health import (
    ENOUGH,
    ENOUGH_PROBES,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    WINDOW_SECONDS,
    Breaker,
    State,
    Tripped,
    tally,
)

QUICK = 0.01


def fed(*calls: tuple[int, int], seconds: float = QUICK, start: float = 100.0, step: float = 0.1) -> Breaker:
    breaker = Breaker()
    for n, (good, bad) in enumerate(calls):
        breaker.record(good, bad, seconds, start + n * step)
    return breaker


def opened(now: float = 100.0) -> Breaker:
    return fed((0, 1), (0, 1), (0, 1), start=now, step=0.0)


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([(0, 1)] * 2, State.CLOSED),
        ([(0, 1)] * 3, State.OPEN),
        ([(0, 1), (0, 1), (1, 0), (0, 1)], State.CLOSED),
        ([(0, 0), (0, 1), (0, 0), (0, 1)], State.CLOSED),
        ([(19, 1)], State.CLOSED),  # 5 % is not more than 5 %
        ([(18, 2)], State.OPEN),
        ([(10, 2)], State.CLOSED),  # too few to say
        ([(1, 0)] * 100, State.CLOSED),
    ],
)
def test_what_opens_it(calls: list[tuple[int, int]], expected: State) -> None:
    assert fed(*calls).look(110.0 if expected is State.CLOSED else 101.0) is expected


def test_being_slow_opens_it_in_another_way() -> None:
    assert fed(*[(1, 0)] * ENOUGH, seconds=5.1).state is State.SLOW
    assert fed(*[(1, 0)] * ENOUGH, seconds=4.9).state is State.CLOSED
    breaker = fed(*[(1, 0)] * 95)
    assert [breaker.record(1, 0, 6.0, 110.0) for _ in range(5)] == [False] * 5, "the 95th percentile is still quick"
    assert breaker.record(1, 0, 6.0, 110.0)


def test_what_lies_before_the_window_is_forgotten() -> None:
    breaker = fed((18, 1))
    breaker.record(20, 1, QUICK, 100.0 + WINDOW_SECONDS + 1)
    assert breaker.health(131.0).reliability == pytest.approx(20 / 21)


def test_an_account_that_nothing_is_sent_through_is_not_unreliable_for_ever() -> None:
    breaker = fed((8, 2))
    assert breaker.health(101.0).reliability == pytest.approx(0.8)
    assert breaker.health(101.0 + WINDOW_SECONDS).reliability == 1.0


def test_after_a_pause_it_is_half_open_and_good_probes_close_it() -> None:
    breaker = opened()
    assert breaker.look(100.0 + FIRST_PAUSE - 0.01) is State.OPEN
    assert breaker.look(100.0 + FIRST_PAUSE) is State.HALF_OPEN
    told = [breaker.record(1, 0, QUICK, 106.0) for _ in range(ENOUGH_PROBES)]
    assert told == [False] * (ENOUGH_PROBES - 1) + [True]
    assert breaker.state is State.CLOSED


def test_bad_probes_open_it_again_for_longer_up_to_a_limit() -> None:
    breaker, now, pauses = opened(), 100.0, []
    for _ in range(6):
        assert breaker.tripped is not None
        pauses.append(breaker.tripped.until - breaker.tripped.since)
        now = breaker.tripped.until + 1
        for _ in range(3):
            breaker.record(0, 1, QUICK, now)
    assert pauses == [FIRST_PAUSE, 10.0, 20.0, 40.0, LONGEST_PAUSE, LONGEST_PAUSE]


def test_calls_from_before_it_opened_say_nothing_new() -> None:
    breaker = opened()
    for _ in range(50):
        breaker.record(0, 1, 20.0, 106.0)
    assert breaker.look(106.0) is State.HALF_OPEN
    assert breaker.tripped is not None
    assert breaker.tripped.until == 100.0 + FIRST_PAUSE, "and its pause does not grow"


def test_another_process_is_believed_unless_its_news_is_old() -> None:
    breaker = opened()
    for _ in range(ENOUGH_PROBES):
        breaker.record(1, 0, QUICK, 110.0)
    assert not breaker.heard(Tripped(105.0, 200.0, slow=False), 111.0), "it is well since 110"
    assert not breaker.heard(Tripped(110.5, 110.9, slow=False), 111.0), "that pause is over"
    assert breaker.heard(Tripped(110.5, 115.0, slow=True), 111.0)
    assert breaker.look(112.0) is State.SLOW
    assert breaker.look(115.0) is State.HALF_OPEN


def test_a_vendor_that_wants_to_be_left_alone_is() -> None:
    breaker = Breaker()
    assert breaker.rest(30.0, 100.0)
    assert (breaker.look(129.9), breaker.look(130.0)) == (State.OPEN, State.HALF_OPEN)


@pytest.mark.parametrize(
    ("kind", "reason", "counted"),
    [
        (OutcomeKind.ACCEPTED, "", (1, 0)),
        (OutcomeKind.REJECTED, Reason.INVALID_ADDRESS, (1, 0)),
        (OutcomeKind.RETRY, Reason.CONNECTION, (0, 1)),
        (OutcomeKind.RETRY, Reason.UNREACHABLE, (0, 0)),
        (OutcomeKind.AMBIGUOUS, Reason.TIMEOUT, (0, 1)),
        (OutcomeKind.THROTTLED, Reason.RATE, (0, 0)),
        (OutcomeKind.MISCONFIGURED, Reason.CREDENTIALS, (0, 0)),
    ],
)
def test_what_speaks_for_and_against_an_account(kind: OutcomeKind, reason: str, counted: Any) -> None:
    assert tally([Outcome(UUID(int=1), kind, reason)]) == counted


CALLS = st.tuples(st.integers(0, 30), st.integers(0, 30), st.sampled_from([0.01, 6.0]), st.floats(0, 40))


@given(st.lists(CALLS, max_size=60))
def test_whatever_happens_its_counts_are_those_of_the_window_and_it_comes_back(
    calls: list[tuple[int, int, float, float]],
) -> None:
    breaker, now = Breaker(), 1000.0
    for good, bad, seconds, later in calls:
        now += later
        before = breaker.look(now)
        changed = breaker.record(good, bad, seconds, now)
        assert changed == (breaker.state is not before)
        assert 0.0 <= breaker.health(now).reliability <= 1.0
    now += LONGEST_PAUSE + 1
    for _ in range(2 * ENOUGH):
        now += 1
        breaker.record(10, 0, QUICK, now)
    assert breaker.look(now) is State.CLOSED
