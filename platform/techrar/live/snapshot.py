"""What does somebody see who looks at a run, and how fast does it go?"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

WINDOW = 5.0  #: seconds that a rate is taken over
#: States that were never on their way, so that they say nothing of the speed.
NOT_SENT = frozenset({"pending", "skipped", "cancelled"})


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run is, all of one moment."""

    state: str
    trouble: str
    planned: int
    expanded: float  #: which part of the audience was looked at
    counters: Mapping[str, int]  #: deliveries by state; they add up to `planned`
    variants: Sequence[Mapping[str, Any]]  #: `{name, counters}` each

    @property
    def gone(self) -> int:
        return sum(n for state, n in self.counters.items() if state not in NOT_SENT)


class Pace:
    """How many a second, from what was seen over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def rate(self, standing: Standing, now: float) -> float:
        self._seen.append((now, standing.gone))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW:
            self._seen.popleft()
        (began, before), (_, gone) = self._seen[0], self._seen[-1]
        return max(0.0, (gone - before) / (now - began)) if now > began else 0.0


@dataclass(frozen=True, slots=True)
class Message:
    """The whole picture, as it goes over the wire. The kind says whether something may have been missed before it."""

    seq: int
    at: float  #: by the monotonic clock, when the query began
    update: str
    snapshot: str


def message(standing: Standing, *, seq: int, at: float, rate: float) -> Message:
    fields = {"seq": seq, **asdict(standing), "rate": round(rate, 1), "eta": _eta(standing, rate)}
    return Message(seq, at, _text("update", fields), _text("snapshot", fields))


def _eta(standing: Standing, rate: float) -> int | None:
    """Seconds until nothing waits; None while nobody can know."""
    if standing.state != "running" or standing.expanded < 1.0 or rate <= 0:
        return None
    return round(standing.counters.get("pending", 0) / rate)


def _text(kind: str, fields: dict[str, Any]) -> str:
    return orjson.dumps({"type": kind, **fields}).decode()
