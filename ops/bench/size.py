"""How much of everything does a run measure? Four minutes' worth, or a campaign of a million."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    one: int  #: deliveries with one call each
    many: int  #: deliveries with a batch endpoint
    slow: int  #: deliveries to a vendor that takes 100 ms
    small: int  #: the campaign that a large one must not cost more than, each
    old: int  #: rows of earlier months
    celery: int
    bullmq: int
    urgent: int  #: messages whose time is taken
    requests: float  #: seconds of load on the API
    audience: int


QUICK = Size(
    one=60_000, many=160_000, slow=40_000, small=10_000, old=500_000, celery=2_500, bullmq=15_000, urgent=150,
    requests=3.0, audience=100_000,
)  # fmt: skip
FULL = Size(
    one=1_000_000, many=1_000_000, slow=300_000, small=10_000, old=10_000_000, celery=20_000, bullmq=60_000,
    urgent=1_000, requests=15.0, audience=1_000_000,
)  # fmt: skip
