"""Which variant does a recipient get?

By a hash of run and recipient, so that the answer is the same in SQL and in Python, every time it is asked, and has
nothing to do with anything else about the recipient. `tests/unit/abtest/vectors.json` holds answers that never change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from techrar.core.hashing import RANGE, cut_text, hash32, hash_sql


def cutoffs(weights: Sequence[int]) -> list[int]:
    """Where each variant but the first begins, on the scale of the hash."""
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must be whole numbers, none of them negative and not all of them zero")
    return [RANGE * weight // total for weight in accumulate(weights)][:-1]


def variant(run: int, recipient: int, cuts: Sequence[int]) -> int:
    """The variant's place, from 0."""
    return bisect_right(cuts, hash32(f"{key_of(run)}{recipient}"))


def variant_sql(key: str, recipient: str, cuts: str) -> str:
    """The same for SQL expressions: the text of `key_of`, a number, and the array of `cuts_of`, which is not empty."""
    return f"width_bucket({hash_sql(f'{key} || {recipient}::text')}, {cuts}::text[])"


def key_of(run: int) -> str:
    return f"{run}|"


def cuts_of(cuts: Sequence[int]) -> list[str]:
    return [cut_text(cut) for cut in cuts]
