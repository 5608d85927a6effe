"""How much is left of a limit, and how long until more fits."""

from __future__ import annotations

import pytest

from techrar.merchants.rates import Rate, Usage, batch_units, standing

HUNDRED = Rate("a", 100)


def usage(current: int, previous: int, left: float, rate: Rate = HUNDRED) -> Usage:
    return Usage(rate, current=current, previous=previous, left=left)


@pytest.mark.parametrize(
    ("current", "previous", "left", "remaining"),
    [(0, 0, 10, 100), (30, 0, 4, 70), (0, 100, 10, 0), (0, 100, 5, 50), (20, 100, 2.5, 55), (100, 100, 5, 0)],
)
def test_the_last_slot_counts_by_the_share_still_covered(
    current: int, previous: int, left: float, remaining: int
) -> None:
    assert usage(current, previous, left).remaining == remaining


def test_what_fits_now_needs_no_wait() -> None:
    assert usage(50, 0, 5).wait(50) == 0


def test_the_wait_ends_when_enough_of_the_last_slot_has_slid_out() -> None:
    waiting = usage(0, 100, 10)
    later = usage(0, 100, 10 - waiting.wait(25))
    assert waiting.wait(25) == 2.5
    assert later.remaining >= 25


def test_a_full_running_slot_is_waited_out_into_the_next() -> None:
    seconds = usage(100, 0, 4).wait(50)
    into_next = usage(0, 100, 10 - (seconds - 4))
    assert into_next.remaining >= 50


def test_what_can_never_fit_waits_a_whole_window_more() -> None:
    assert usage(0, 0, 4).wait(101) == 14


def test_a_caller_is_told_the_tightest_of_their_limits() -> None:
    told = standing(allowed=True, usages=[usage(90, 0, 4), usage(90, 0, 4, Rate("b", 1000))], cost=1)
    assert (told.limit, told.remaining, told.reset) == (100, 10, 4)
    assert told.headers()["RateLimit-Remaining"] == "10"


def test_a_refused_caller_waits_for_the_slowest_of_their_limits() -> None:
    told = standing(allowed=False, usages=[usage(100, 0, 4), usage(0, 100, 10, Rate("b", 100))], cost=10)
    assert told.retry_after == 5


@pytest.mark.parametrize(("items", "units"), [(0, 1), (1, 1), (10, 1), (11, 2), (1000, 100)])
def test_a_batch_counts_one_for_every_ten_messages_begun(items: int, units: int) -> None:
    assert batch_units(items) == units
