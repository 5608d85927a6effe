"""`python -m ops.bench [--quick] [scenario …]`: measure, print a table, write build/bench.json, exit 1 below a target.

Runs inside `make bench`, which gives it servers of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "techrar.settings"
django.setup()

# ruff: noqa: E402 Django first
from ops.bench import machine, results
from ops.bench.results import Result
from ops.bench.scenarios import api, expansion, growth, memory, throughput, urgent
from ops.bench.size import FULL, QUICK
from ops.bench.stage import Stage, open_stage
from ops.bench.world import open_world
from ops.local.home import ROOT

Scenario = Callable[[Stage], Iterator[Result]]
SCENARIOS: dict[str, Scenario] = {
    "throughput": throughput.run,
    "urgent": urgent.run,
    "api": api.run,
    "expansion": expansion.run,
    "growth": growth.run,
    "memory": memory.run,
}
FILE = ROOT / "build" / "bench.json"


class Progress:
    """One line that changes, on a terminal; a line for each new step elsewhere."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.step = ""

    def __call__(self, text: str) -> None:
        step = text.partition(":")[0]
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{time.monotonic() - self.began:5.0f} s  {text}")
        elif step != self.step:
            sys.stderr.write(f"{time.monotonic() - self.began:5.0f} s  {step}\n")
        self.step = step
        sys.stderr.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="four minutes' worth")
    parser.add_argument(
        "only", nargs="*", choices=[[], *SCENARIOS], help="these scenarios; all of them when none is named"
    )
    options = parser.parse_args()
    say = Progress()
    found: list[Result] = []
    with open_world() as world, open_stage(world, QUICK if options.quick else FULL, say) as stage:
        for name in options.only or SCENARIOS:
            found += SCENARIOS[name](stage)
        about = {**machine.describe(), "speed": round(stage.speed, 2)}
    took = time.monotonic() - say.began
    results.save(found, FILE, **about, seconds=round(took), quick=options.quick)
    write = sys.stdout.write
    write(f"\n\n{results.table(found)}\n\n{results.costs(found)}\n\n")
    for result in found:
        if result.note:
            write(f"  {result.scenario}: {result.note}\n")
    write(f"\n{about['cores']} cores, {about['speed']} × the reference; {took:.0f} s; {FILE.relative_to(ROOT)}\n")
    missed = [f"{r.scenario} ({', '.join(r.missed)})" for r in found if r.missed]
    if missed:
        write(f"Missed: {'; '.join(missed)}\n")
    if stage.unfair:
        write(f"Unfair comparison: {'; '.join(stage.unfair)}\n")
    return 1 if missed or stage.unfair else 0


if __name__ == "__main__":
    sys.exit(main())
