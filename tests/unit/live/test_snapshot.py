"""How fast a run goes, and what is said of it."""

from __future__ import annotations

from typing import Any

import orjson

from techrar.live.snapshot import WINDOW, Pace, Standing, message


def standing(pending: int = 0, **counters: int) -> Standing:
    found = {"pending": pending, **counters}
    return Standing("running", "", sum(found.values()), 1.0, found, [])


def test_a_rate_needs_two_looks() -> None:
    pace = Pace()
    assert pace.rate(standing(100), 1.0) == 0
    assert pace.rate(standing(50, sent=50), 2.0) == 50


def test_a_rate_is_of_the_last_seconds_alone() -> None:
    pace = Pace()
    rates = [pace.rate(standing(sent=min(1000, 100 * second)), float(second)) for second in range(30)]
    assert rates[9] == 100
    assert rates[-1] == 0
    assert rates[10 + int(WINDOW)] == 0


def test_who_was_never_written_to_is_no_speed() -> None:
    pace = Pace()
    pace.rate(standing(100), 0.0)
    assert pace.rate(standing(0, skipped=60, cancelled=40), 1.0) == 0


def said(found: Standing, rate: float) -> Any:
    return orjson.loads(message(found, seq=7, at=0.0, rate=rate).update)


def test_how_long_it_takes_is_said_when_it_can_be_known() -> None:
    assert said(standing(100, sent=5), 50.0)["eta"] == 2
    assert said(standing(100, sent=5), 0.0)["eta"] is None
    assert said(Standing("running", "", 100, 0.5, {"pending": 100}, []), 50.0)["eta"] is None
    assert said(Standing("paused", "", 100, 1.0, {"pending": 100}, []), 50.0)["eta"] is None


def test_a_snapshot_and_an_update_hold_the_same_picture() -> None:
    made = message(standing(1, sent=2), seq=7, at=0.0, rate=1.0)
    snapshot, update = orjson.loads(made.snapshot), orjson.loads(made.update)
    assert (snapshot.pop("type"), update.pop("type")) == ("snapshot", "update")
    assert snapshot == update
