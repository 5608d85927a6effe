"""Is a line honest about what went wrong and what did not run?"""

from __future__ import annotations

from ops.chaos.report import end, failed, line
from ops.chaos.result import Result

GOOD = Result("broker wiped", accepted=15816, doubled=3, window=9, back=8.8, settled=8.0, urgent_p99=0.5)


def test_a_good_line_says_what_was_measured() -> None:
    words = line(GOOD).split()
    assert words == ["broker", "wiped", "15816", "0", "0", "3/9", "8.8", "s", "8.0", "s", "0.50", "s"]
    assert not failed(GOOD, in_ci=True)


def test_what_is_wrong_ends_the_line_and_fails_the_run() -> None:
    bad = Result("broker wiped", lost=2, wrong=["lost: 2"])
    assert line(bad).endswith("WRONG: lost: 2")
    assert failed(bad, in_ci=False)
    assert "1 went WRONG" in end([GOOD, bad], seconds=60)


def test_what_did_not_run_fails_in_ci_only() -> None:
    skipped = Result("clocks three days off", not_run="there is no libfaketime")
    assert "not run: there is no libfaketime" in line(skipped)
    assert not failed(skipped, in_ci=False)
    assert failed(skipped, in_ci=True)
