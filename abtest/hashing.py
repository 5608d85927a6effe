"""Which variant does a recipient get?

By a hash of run and recipient, so that the answer is the same in SQL and in Python, every time it is asked, and has
nothing to do with anything else about the recipient. `tests/unit/abtest/vectors.json` holds answers that never change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from techrar.core.hashing import RANGE, hash32, hash32_sql


def cutoffs(weights: Sequence[int]) -> list[int]:
    """Where each variant but the first begins, on the scale of the hash."""
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must be whole numbers, none of them negative and not all of them zero")
    return [RANGE * weight // total for weight in accumulate(weights)][:-1]


def variant(run: int, recipient: int, cuts: Sequence[int]) -> int:
    """The variant's place, from 0."""
    return bisect_right(cuts, hash32(f"{run}|{recipient}"))


def variant_sql(run: str, recipient: str, cuts: str) -> str:
    """The same for SQL expressions: two numbers, and an array of at least one cutoff."""
    return f"width_bucket({hash32_sql(f'{run}::text || {chr(39)}|{chr(39)} || {recipient}::text')}, {cuts}::bigint[])"
