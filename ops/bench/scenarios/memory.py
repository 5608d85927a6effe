"""How much memory did each process take in all of this, and did it go on growing?"""

from __future__ import annotations

from collections.abc import Iterator

from ops.bench.results import Result
from ops.bench.stage import Stage


def run(stage: Stage) -> Iterator[Result]:
    samples = {name: taken for name, taken in stage.memory.close().items() if taken}
    largest = max(samples, key=lambda name: max(samples[name]))
    grown = {name: max(taken) / max(taken[: len(taken) // 2]) for name, taken in samples.items()}
    fastest = max(grown, key=lambda name: grown[name])
    yield Result("memory of the largest process", max(samples[largest]), "MB", at_most=300, note=largest)
    yield Result("its growth in the second half", grown[fastest], "×", at_most=1.15, note=fastest)
