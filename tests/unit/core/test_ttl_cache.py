"""What is remembered, for how long, and how much of it."""

from __future__ import annotations

from techrar.core.ttl_cache import TtlCache


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_value_is_forgotten_when_it_is_too_old() -> None:
    clock = Clock()
    cache: TtlCache[str, int] = TtlCache(size=2, seconds=10, clock=clock)
    cache.put("a", 1)
    clock.now = 109.9
    assert cache.get("a") == 1
    clock.now = 110.0
    assert cache.get("a") is None
    assert len(cache) == 0


def test_age_counts_from_when_the_value_was_true() -> None:
    clock = Clock()
    cache: TtlCache[str, int] = TtlCache(size=2, seconds=10, clock=clock)
    cache.put("a", 1, since=95.0)
    clock.now = 105.0
    assert cache.get("a") is None


def test_the_least_used_value_makes_room() -> None:
    cache: TtlCache[str, int] = TtlCache(size=2, seconds=10)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.get("a")
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)


def test_a_value_can_be_forgotten_on_purpose() -> None:
    cache: TtlCache[str, int] = TtlCache(size=2, seconds=10)
    cache.put("a", 1)
    cache.forget("a")
    cache.forget("never there")
    assert cache.get("a") is None
