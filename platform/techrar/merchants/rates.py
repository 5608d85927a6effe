"""How much may a key and a merchant ask for, and how much is left? Pure arithmetic.

Work is counted in units: a request is one, a batch one for every ten messages begun. A limit holds over a sliding
window of ten seconds, counted in two slots: the running one, and the last one by the share the window still covers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

WINDOW_SECONDS = 10
BATCH_ITEMS_PER_UNIT = 10
#: requests without a valid key, per address: enough to find a mistake, too few to guess
ANONYMOUS_UNITS = 100


class RateLimits(BaseModel):
    """Units per ten seconds; `Merchant.settings["rate_limits"]` overrides."""

    model_config = ConfigDict(extra="ignore")

    key: int = Field(20_000, ge=1)
    merchant: int = Field(40_000, ge=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `units` in any window, for whoever `subject` names."""

    subject: str
    units: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What one subject has used."""

    rate: Rate
    current: int
    previous: int
    left: float  #: seconds until the running slot ends

    @property
    def remaining(self) -> int:
        weighted = math.floor(self.previous * self.left / WINDOW_SECONDS)
        return max(0, self.rate.units - self.current - weighted)

    def wait(self, cost: int) -> float:
        """Seconds until `cost` units fit, when nobody else uses any."""
        room = self.rate.units - cost
        if self.remaining >= cost:
            return 0.0
        if room >= self.current and self.previous:
            return self.left - WINDOW_SECONDS * (room - self.current) / self.previous
        if room >= 0 and self.current:
            return self.left + WINDOW_SECONDS * max(0.0, 1 - room / self.current)
        return self.left + WINDOW_SECONDS


@dataclass(frozen=True, slots=True)
class Standing:
    """What a caller is told: the tightest of their limits."""

    allowed: bool
    limit: int
    remaining: int
    reset: int  #: seconds until the running slot ends
    retry_after: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


def standing(*, allowed: bool, usages: Sequence[Usage], cost: int) -> Standing:
    tightest = min(usages, key=lambda usage: usage.remaining / usage.rate.units)
    return Standing(
        allowed=allowed,
        limit=tightest.rate.units,
        remaining=tightest.remaining,
        reset=math.ceil(tightest.left),
        retry_after=max(1, math.ceil(max(usage.wait(cost) for usage in usages))),
    )


def batch_units(items: int) -> int:
    return max(1, math.ceil(items / BATCH_ITEMS_PER_UNIT))
