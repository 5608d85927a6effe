"""Which waits go to the broker's ladder?"""

from __future__ import annotations

import pytest

from consumers.engine.outbox import rung


@pytest.mark.parametrize(
    ("delay", "step"), [(0.95, "1s"), (4.6, "5s"), (16, "15s"), (55, "1m"), (310, "5m"), (880, "15m"), (990, "15m")]
)
def test_a_short_wait_takes_the_nearest_step(delay: float, step: str) -> None:
    found = rung(delay)
    assert found is not None
    assert found.name == step


@pytest.mark.parametrize("delay", [1800, 3600, 86_400])
def test_a_long_wait_stays_in_the_ledger(delay: float) -> None:
    assert rung(delay) is None
