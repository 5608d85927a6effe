"""How are deliveries by state shown: in which groups, under which names, in which colours?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

#: label, tone and states; every delivery is in exactly one of them
GROUPS = (
    (_("On the way"), "busy", ("pending",)),
    (_("Sent"), "sent", ("sent",)),
    (_("Delivered"), "good", ("delivered",)),
    (_("Not delivered"), "bad", ("bounced", "failed", "dead", "expired")),
    (_("Held back"), "idle", ("skipped", "cancelled")),
    (_("Unknown"), "unsure", ("unknown",)),
)


@dataclass(frozen=True, slots=True)
class Count:
    """One number, in the colour of what it means."""

    label: Any
    tone: str
    states: tuple[str, ...]
    n: int


def counts(by_state: Mapping[str, int]) -> list[Count]:
    return [Count(label, tone, states, sum(by_state.get(s, 0) for s in states)) for label, tone, states in GROUPS]


@dataclass(frozen=True, slots=True)
class Piece:
    """One group's part of a bar a thousand units wide."""

    count: Count
    start: float
    width: float


def bar(found: list[Count]) -> list[Piece]:
    total = sum(count.n for count in found) or 1
    pieces, start = [], 0.0
    for count in found:
        width = 1000 * count.n / total
        pieces.append(Piece(count, round(start, 2), round(width, 2)))
        start += width
    return pieces
