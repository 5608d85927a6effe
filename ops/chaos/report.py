"""How is a result told in one line, and what makes it a failure?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ops.chaos.result import Result

WIDTH = 62
HEAD = (
    f"{'scenario':<{WIDTH}} {'accepted':>8} {'lost':>5} {'unexp.':>6} {'twice/allowed':>14} {'back':>7} {'at rest':>8}"
    f" {'urgent p99':>10}"
)


def line(result: Result) -> str:
    told = (
        f"{result.name:<{WIDTH}} {result.accepted:>8} {result.lost:>5} {result.unexpected:>6}"
        f" {f'{result.doubled}/{result.window}':>14} {seconds(result.back):>7} {seconds(result.settled):>8}"
        f" {seconds(result.urgent_p99, 2):>10}"
    )
    if result.not_run:
        told += f"  not run: {result.not_run}"
    return told + (f"  WRONG: {'; '.join(result.wrong)}" if result.wrong else "")


def end(results: Sequence[Result], *, seconds: float) -> str:
    accepted, wrong = sum(r.accepted for r in results), sum(bool(r.wrong) for r in results)
    verdict = f"{wrong} went WRONG" if wrong else "all is well"
    return f"{len(results)} scenarios, {accepted:,} deliveries, {seconds / 60:.1f} minutes: {verdict}."


def failed(result: Result, *, in_ci: bool) -> bool:
    """What was not run proves nothing, and that counts where nobody looks."""
    return bool(result.wrong) or (in_ci and bool(result.not_run))


def seconds(value: float, digits: int = 1) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f} s"
