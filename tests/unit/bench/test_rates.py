"""Is a rate what is sustained, and not what begins or ends?"""

from __future__ import annotations

import pytest

from ops.bench.drain import _rate
from ops.bench.machine import speed


def test_a_steady_flow_has_its_own_rate() -> None:
    assert _rate([n / 1000 for n in range(10_000)]) == pytest.approx(1000, rel=0.01)


def test_a_slow_start_and_a_thin_end_do_not_count() -> None:
    slow = [n * 2.0 for n in range(500)]
    steady = [1000 + n / 1000 for n in range(10_000)]
    thin = [1010 + n * 3.0 for n in range(500)]
    assert _rate(slow + steady + thin) == pytest.approx(1000, rel=0.02)


def test_one_pause_does_not_count_as_a_speed() -> None:
    """The median of short windows: a machine that was busy for a second says nothing about the service."""
    times = [n / 1000 + (2.0 if n > 6_000 else 0.0) for n in range(12_000)]
    assert _rate(times) == pytest.approx(1000, rel=0.03)


def test_a_machine_has_a_speed() -> None:
    assert 0.01 < speed() < 100
