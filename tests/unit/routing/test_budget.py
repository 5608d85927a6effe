"""How many messages may an account take now?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techrar.routing.budget import Budget


def test_without_a_rate_only_the_vendors_word_limits_it() -> None:
    budget = Budget(None, 0.0)
    assert budget.room(0.0) is None
    budget.throttled(3.0, 10.0)
    assert (budget.room(12.9), budget.wait(12.0), budget.room(13.0)) == (0, 1.0, None)


def test_a_second_of_the_rate_may_go_at_once_and_then_as_it_fills() -> None:
    budget = Budget(10.0, 0.0)
    assert budget.room(0.0) == 10
    budget.take(10)
    assert budget.room(0.0) == 0
    assert budget.wait(0.0) == pytest.approx(0.1)
    assert (budget.room(0.1), budget.room(60.0)) == (1, 10)


def test_a_share_of_the_rate_below_one_still_lets_one_through_in_time() -> None:
    budget = Budget(10.0, 0.0)
    budget.share(0.5, 0.0)
    budget.take(1)
    assert budget.wait(0.0) == pytest.approx(2.0)
    assert (budget.room(1.9), budget.room(2.0)) == (0, 1)


@given(st.floats(0.5, 500), st.lists(st.floats(0, 2), min_size=1, max_size=80))
def test_never_more_than_the_rate_and_one_burst(rate: float, steps: list[float]) -> None:
    budget, now, taken = Budget(rate, 0.0), 0.0, 0
    for step in steps:
        now += step
        room = budget.room(now) or 0
        budget.take(room)
        taken += room
        assert taken <= now * rate + max(1.0, rate) + 1e-6
