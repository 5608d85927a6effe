"""How much of a flow may wait at the broker?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techrar.dispatch.pace import BOOST_EVERY, FIRST_WINDOW, LARGEST_WINDOW, WINDOW_SECONDS, Pace

NOON = 43_200.0


def looked(pace: Pace, outstanding: int = 0, *, now: float = NOON, given_back: int = 0) -> Pace:
    pace.look(outstanding, given_back=given_back, now=now)
    return pace


def fill(pace: Pace, outstanding: int, now: float) -> int:
    """Publish whatever may be; answer what is outstanding then."""
    count = pace.allowance(outstanding, throttle=0, now=now)
    pace.published(count, throttle=0)
    return outstanding + count


def test_a_new_flow_begins_small() -> None:
    assert looked(Pace()).allowance(0, throttle=0, now=NOON) == FIRST_WINDOW


def test_what_is_outstanding_counts_and_is_never_exceeded() -> None:
    pace = looked(Pace(), 150)
    assert pace.allowance(150, throttle=0, now=NOON) == FIRST_WINDOW - 150
    assert pace.allowance(10_000, throttle=0, now=NOON) == 0


def test_the_window_doubles_each_time_it_is_found_empty_up_to_its_largest() -> None:
    pace, now = looked(Pace()), NOON
    windows = []
    for _ in range(10):
        fill(pace, 0, now)
        now += 0.02
        windows.append(int(looked(pace, 0, now=now).window))
    assert windows[:3] == [400, 800, 1600]
    assert windows[-1] == LARGEST_WINDOW


@given(rate=st.integers(200, 60_000), per_claim=st.sampled_from([1, 100, 1500, 5000]))
def test_the_window_settles_at_a_moment_of_the_measured_drain(rate: int, per_claim: int) -> None:
    """Consumers claim in lumps; the measure must not take a lump for a speed."""
    pace, outstanding, now, taken = looked(Pace()), 0, NOON, 0.0
    for _ in range(1_000):
        outstanding = fill(pace, outstanding, now)
        now += 0.02
        taken += rate * 0.02
        if taken >= per_claim:
            claimed = min(int(taken), outstanding)
            outstanding, taken = outstanding - claimed, 0.0 if claimed < taken else taken - claimed
        looked(pace, outstanding, now=now)
    moment, lump = rate * WINDOW_SECONDS, per_claim + rate * 0.02
    assert pace.window <= 2 * max(FIRST_WINDOW, moment, lump) + 1


@given(st.lists(st.tuples(st.integers(0, 5_000), st.floats(0.001, 5.0)), max_size=60))
def test_the_window_stays_within_its_bounds_whatever_is_seen(looks: list[tuple[int, float]]) -> None:
    pace, now = Pace(), NOON
    for outstanding, pause in looks:
        now += pause
        looked(pace, outstanding, now=now)
        fill(pace, outstanding, now)
        assert FIRST_WINDOW <= pace.window <= LARGEST_WINDOW


def test_a_slow_consumer_shrinks_the_window_again() -> None:
    pace, now = looked(Pace()), NOON
    pace.window = 10_000
    outstanding = fill(pace, 0, now)
    for _ in range(5):
        now += 0.1
        outstanding -= 100
        looked(pace, outstanding, now=now)
    assert pace.window == FIRST_WINDOW
    assert pace.rate == pytest.approx(1_000)


def test_what_came_back_unclaimed_is_not_taken_for_progress() -> None:
    """A broker that refuses, or a sweeper that gives up on an envelope, must not open the window."""
    pace, now = looked(Pace()), NOON
    for refused in range(FIRST_WINDOW, 10 * FIRST_WINDOW, FIRST_WINDOW):
        fill(pace, 0, now)
        now += 1.0
        assert pace.look(0, given_back=refused, now=now) == 0
    assert pace.window == FIRST_WINDOW
    assert pace.silent_since == NOON


def test_silence_ends_with_the_first_claim() -> None:
    pace = looked(Pace())
    outstanding = fill(pace, 0, NOON)
    looked(pace, outstanding, now=NOON + 50)
    assert pace.silent_since == NOON
    looked(pace, outstanding - 1, now=NOON + 60)
    assert pace.silent_since == NOON + 60


def test_a_flow_with_nothing_at_the_broker_is_idle_and_not_silent() -> None:
    pace = looked(looked(Pace()), now=NOON + 3600)
    assert pace.silent_since == NOON + 3600


@given(
    throttle=st.integers(1, 2_000),
    pauses=st.lists(st.floats(0.001, 1.0), min_size=1, max_size=100),
)
def test_a_throttled_flow_never_gets_more_than_its_rate(throttle: int, pauses: list[float]) -> None:
    pace, now, sent = looked(Pace()), NOON, 0
    for pause in pauses:
        count = pace.allowance(0, throttle=throttle, now=now)
        pace.published(count, throttle=throttle)
        sent += count
        now += pause
        looked(pace, 0, now=now)
    at_once = max(1.0, throttle * WINDOW_SECONDS)
    assert sent <= at_once + throttle * (now - NOON)


def test_a_throttled_flow_gets_nearly_all_of_its_rate() -> None:
    pace, now, sent = looked(Pace()), NOON, 0
    while now < NOON + 10:
        count = pace.allowance(0, throttle=50, now=now)
        pace.published(count, throttle=50)
        sent += count
        now += 0.02
        looked(pace, 0, now=now)
    assert 480 <= sent <= 510


def test_a_boost_pays_out_whole_rows_and_not_too_often() -> None:
    pace = looked(Pace())
    assert pace.boost(0.6, now=NOON) == 0
    assert pace.boost(0.6, now=NOON + 0.02) == 1
    assert pace.boost(10.0, now=NOON + 0.04) == 0
    assert pace.boost(10.0, now=NOON + 0.03 + BOOST_EVERY) == 20


def test_where_nothing_moves_nothing_is_boosted() -> None:
    pace = looked(Pace(), FIRST_WINDOW)
    assert [pace.boost(0.0, now=NOON + n) for n in range(100)] == [0] * 100
