"""Does a result say when it falls short, and of what?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.bench.results import Peer, Result, costs, save, table


def test_a_value_is_held_against_its_floor() -> None:
    assert Result("campaign", 699, "1/s", floor=1000, of_floor=0.7).missed == ["0.7 × the floor"]
    assert Result("campaign", 700, "1/s", floor=1000, of_floor=0.7).missed == []


def test_every_peer_counts() -> None:
    peers = {"Celery": Peer(240, 20), "BullMQ": Peer(2650, 3)}
    assert Result("campaign", 8000, "1/s", peers=peers).missed == []
    assert Result("campaign", 7900, "1/s", peers=peers).missed == ["3 × BullMQ"]
    assert Result("campaign", 4000, "1/s", peers=peers).missed == ["20 × Celery", "3 × BullMQ"]


@pytest.mark.parametrize(("value", "missed"), [(39.0, []), (40.0, []), (41.0, ["at most 40 ms"])])
def test_some_values_must_be_small(value: float, missed: list[str]) -> None:
    assert Result("OTP", value, "ms", at_most=40).missed == missed


def test_some_values_must_be_large() -> None:
    assert Result("batch", 19_999, "1/s", at_least=20_000).missed == ["20000 1/s"]


def test_a_miss_is_seen_in_the_table_and_in_the_file(tmp_path: Path) -> None:
    results = [
        Result("good", 900, "1/s", 1000, 0.7, {"Celery": Peer(45, 20)}, cost={"web": 0.1, "idle": 0.0}),
        Result("bad", 50, "ms", at_most=40),
    ]
    head, good, bad = table(results).splitlines()
    assert head.split()[0] == "scenario"
    assert "MISSED" not in good
    assert "0.90" in good
    assert "20.0" in good
    assert bad.endswith("MISSED")
    assert "good: 100 ms (web 100)" in costs(results)
    save(results, tmp_path / "build" / "bench.json", cores=2)
    written = json.loads((tmp_path / "build" / "bench.json").read_text())
    assert (written["good"]["ok"], written["bad"]["ok"]) == (True, False)
    assert written["good"]["floor_ratio"] == 0.9
    assert written["good"]["peer"] == {"Celery": 20.0}
    assert written["machine"] == {"cores": 2}
