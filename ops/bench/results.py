"""What was measured, what it is compared with, and does it reach its target?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Peer:
    """What others build for the same work, and how many times faster we mean to be."""

    value: float
    times: float


@dataclass(frozen=True, slots=True)
class Result:
    scenario: str
    value: float
    unit: str
    floor: float | None = None  #: what the least possible work reaches
    of_floor: float = 0.0  #: which part of that is the target
    peers: Mapping[str, Peer] = field(default_factory=dict)
    at_least: float | None = None
    at_most: float | None = None
    cost: Mapping[str, float] = field(default_factory=dict)  #: CPU seconds for 1 000 deliveries, by process
    note: str = ""

    @property
    def floor_ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def missed(self) -> list[str]:
        """What this value falls short of, each in a few words."""
        short = []
        if self.floor and self.value < self.of_floor * self.floor:
            short.append(f"{self.of_floor:g} × the floor")
        short += [f"{p.times:g} × {name}" for name, p in self.peers.items() if self.value < p.times * p.value]
        if self.at_least is not None and self.value < self.at_least:
            short.append(f"{self.at_least:g} {self.unit}")
        if self.at_most is not None and self.value > self.at_most:
            short.append(f"at most {self.at_most:g} {self.unit}")
        return short

    @property
    def target(self) -> str:
        parts = [f"≥ {self.of_floor:g} floor"] if self.of_floor else []
        parts += [f"≥ {p.times:g} {name}" for name, p in self.peers.items()]
        parts += [f"≥ {self.at_least:g}"] if self.at_least is not None else []
        parts += [f"≤ {self.at_most:g}"] if self.at_most is not None else []
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        return {
            "value": round(self.value, 2),
            "unit": self.unit,
            "floor": self.floor and round(self.floor, 2),
            "floor_ratio": self.floor_ratio and round(self.floor_ratio, 3),
            "peer": {name: round(self.value / p.value, 2) for name, p in self.peers.items()},
            "target": self.target,
            "ok": not self.missed,
            "cpu_seconds_per_1000": {name: round(seconds, 4) for name, seconds in self.cost.items()},
            "note": self.note,
        }


HEAD = ("scenario", "value", "", "floor", "ratio", "peer", "ratio", "target", "")


def table(results: Sequence[Result]) -> str:
    """One line a scenario, columns aligned."""
    rows = [HEAD, *(_row(r) for r in results)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEAD))]
    right = {1, 3, 4, 6}
    lines = []
    for row in rows:
        cells = [c.rjust(w) if n in right else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def costs(results: Sequence[Result]) -> str:
    """CPU milliseconds for each thousand deliveries, by process: what does not change when the machine is busy."""
    lines = []
    for r in results:
        if r.cost:
            parts = ", ".join(f"{name} {seconds * 1000:.0f}" for name, seconds in r.cost.items() if seconds >= 0.0005)
            lines.append(f"  {r.scenario}: {sum(r.cost.values()) * 1000:.0f} ms ({parts})")
    return "CPU for 1 000 deliveries\n" + "\n".join(lines)


def save(results: Sequence[Result], file: Path, **about: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    written = {r.scenario: r.as_json() for r in results}
    file.write_text(json.dumps({**written, "machine": about}, indent=2) + "\n")


def _row(r: Result) -> tuple[str, ...]:
    return (
        r.scenario,
        _short(r.value),
        r.unit,
        _short(r.floor) if r.floor else "",
        f"{r.floor_ratio:.2f}" if r.floor_ratio else "",
        ", ".join(f"{name} {_short(p.value)}" for name, p in r.peers.items()),
        ", ".join(f"{r.value / p.value:.1f}" for p in r.peers.values()),
        r.target,
        "" if not r.missed else "MISSED",
    )


def _short(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"
