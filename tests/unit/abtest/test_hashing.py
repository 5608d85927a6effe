"""Variants are handed out by weight, for ever the same, and like nothing else."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from abtest.hashing import cutoffs, variant
from techrar.core.hashing import RANGE

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors.json").read_text())


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: str(case["weights"]))
def test_old_answers_stay(case: dict[str, Any]) -> None:
    cuts = cutoffs(case["weights"])
    assert [variant(case["run"], recipient, cuts) for recipient in case["recipients"]] == case["variants"]


def test_weights_hold() -> None:
    counts = Counter(variant(7, n, cutoffs([70, 20, 0, 10])) for n in range(20_000))
    assert counts[2] == 0
    for place, share in ((0, 0.7), (1, 0.2), (3, 0.1)):
        assert abs(counts[place] / 20_000 - share) < 0.015  # four standard deviations


def test_two_runs_mix_people_anew() -> None:
    cuts = cutoffs([1, 1])
    same = sum(variant(1, n, cuts) == variant(2, n, cuts) for n in range(20_000))
    assert abs(same / 20_000 - 0.5) < 0.015


def test_cutoffs_divide_the_whole_range() -> None:
    assert cutoffs([1, 1, 2]) == [RANGE // 4, RANGE // 2]
    assert cutoffs([5]) == []
    for wrong in ([0, 0], [-1, 2]):
        with pytest.raises(ValueError, match="weights"):
            cutoffs(wrong)
