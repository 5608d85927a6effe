"""How fast does work flow into the sink, and what does each process pay for it?"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ops.bench import meter
from ops.bench.sink import entries
from ops.bench.world import World

#: The beginning is warm-up and the end is the last rows trickling in: neither says what is sustained.
FIRST, LAST = 0.15, 0.9
PATIENCE = 30.0
WINDOW = 0.5


class Stalled(Exception):
    """Nothing has come for a long time, and not all is there."""


@dataclass(frozen=True, slots=True)
class Flowed:
    rate: float  #: the median of half-second windows, each second
    cost: dict[str, float]  #: CPU seconds for 1 000 deliveries, by process
    seconds: float  #: from the start to the last one

    @property
    def cpu(self) -> float:
        return sum(self.cost.values())


def watch(world: World, count: int, pids: dict[str, int], say: Callable[[str], None] = lambda _: None) -> Flowed:
    """Wait until the sink has seen so many."""
    roots = {**world.servers, **pids}
    marks: dict[float, tuple[int, dict[str, float]]] = {}
    began = moved = time.monotonic()
    last = -1
    while (seen := world.sink.seen) < count:
        now = time.monotonic()
        for part in (FIRST, LAST):
            if seen >= part * count and part not in marks:
                marks[part] = (seen, meter.seconds(roots))
        if seen != last:
            last, moved = seen, now
        if now - moved > PATIENCE:
            raise Stalled(f"the sink has seen {seen} of {count} and nothing comes any more")
        say(f"{seen:,} of {count:,}".replace(",", " "))
        time.sleep(0.1)
    took = time.monotonic() - began
    return Flowed(_rate([at for _, at in entries(world.sink.log)]), _cost(marks, roots), took)


def _rate(times: Sequence[float]) -> float:
    ordered = sorted(times)
    begin, end = ordered[int(len(ordered) * FIRST)], ordered[int(len(ordered) * LAST)]
    count = max(1, int((end - begin) / WINDOW))
    width = (end - begin) / count
    edges = [bisect_left(ordered, begin + n * width) for n in range(count + 1)]
    return median((b - a) / width for a, b in pairwise(edges))


def _cost(marks: dict[float, tuple[int, dict[str, float]]], roots: dict[str, int]) -> dict[str, float]:
    if len(marks) < 2 or marks[LAST][0] == marks[FIRST][0]:
        return {}
    (a, before), (b, after) = marks[FIRST], marks[LAST]
    return {name: (after[name] - before[name]) / (b - a) * 1000 for name in roots}
