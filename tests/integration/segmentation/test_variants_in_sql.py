"""The database hands out the same variants as Python does."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from abtest.hashing import cutoffs, cuts_of, key_of, variant, variant_sql

VECTORS = json.loads((Path(__file__).parents[2] / "unit/abtest/vectors.json").read_text())
ASK = f"""
SELECT {variant_sql("%(key)s::text", "n", "%(cuts)s")}
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS u(n, o) ORDER BY o
"""


@pytest.mark.parametrize("case", [c for c in VECTORS if len(c["weights"]) > 1], ids=lambda case: str(case["weights"]))
def test_the_vectors_hold_in_the_database(dsn: str, case: dict) -> None:  # type: ignore[type-arg]
    with psycopg.connect(dsn) as connection:
        asked = {"key": key_of(case["run"]), "cuts": cuts_of(cutoffs(case["weights"])), "ids": case["recipients"]}
        assert [row[0] for row in connection.execute(ASK, asked)] == case["variants"]


def test_ten_thousand_are_dealt_alike(dsn: str) -> None:
    cuts, ids = cutoffs([3, 0, 2, 1, 0]), list(range(1, 10_001))
    with psycopg.connect(dsn) as connection:
        found = [row[0] for row in connection.execute(ASK, {"key": key_of(2**40), "cuts": cuts_of(cuts), "ids": ids})]
    assert found == [variant(2**40, n, cuts) for n in ids]
