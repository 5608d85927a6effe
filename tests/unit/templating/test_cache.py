"""Does the memory for compiled templates stay as small as it was told to?"""

from __future__ import annotations

from techrar.templating.cache import WeightedCache


def test_what_was_not_used_for_longest_is_forgotten_first() -> None:
    cache: WeightedCache[str, int] = WeightedCache(30)
    for number, key in enumerate("abc"):
        cache.put(key, number, weight=10)
    assert cache.get("a") == 0
    cache.put("d", 3, weight=10)
    assert [cache.get(key) for key in "abcd"] == [0, None, 2, 3]


def test_one_heavy_thing_pushes_out_several_light_ones() -> None:
    cache: WeightedCache[str, int] = WeightedCache(30)
    for key in "abc":
        cache.put(key, 1, weight=10)
    cache.put("heavy", 2, weight=25)
    assert (cache.get("heavy"), len(cache)) == (2, 1)


def test_what_is_too_heavy_by_itself_is_not_kept() -> None:
    cache: WeightedCache[str, int] = WeightedCache(30)
    cache.put("a", 1, weight=31)
    assert (cache.get("a"), len(cache)) == (None, 0)


def test_putting_a_thing_again_counts_it_once() -> None:
    cache: WeightedCache[str, int] = WeightedCache(30)
    for _ in range(5):
        cache.put("a", 1, weight=20)
    cache.put("b", 2, weight=10)
    assert (cache.get("a"), cache.get("b")) == (1, 2)
