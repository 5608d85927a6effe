"""How many messages may an account take now?

A token bucket of this process, and a pause that a vendor asked for. Time comes in.
"""

from __future__ import annotations

#: What may gather while nothing is sent, in seconds of the rate.
BURST_SECONDS = 1.0


class Budget:
    """With `rate` None there is no limit but the vendor's own word."""

    def __init__(self, rate: float | None, now: float) -> None:
        self.rate = rate
        self.rest_until = now
        self._tokens = self._most
        self._at = now

    @property
    def _most(self) -> float:
        return max(1.0, (self.rate or 0.0) * BURST_SECONDS)

    def room(self, now: float) -> int | None:
        """How many may go now; None for any number."""
        if now < self.rest_until:
            return 0
        if self.rate is None:
            return None
        self._fill(now)
        return int(self._tokens + 1e-9)

    def take(self, count: int) -> None:
        if self.rate is not None:
            self._tokens -= count

    def throttled(self, seconds: float, now: float) -> None:
        """The vendor said that it wants nothing for so long."""
        self.rest_until = max(self.rest_until, now + seconds)

    def wait(self, now: float) -> float:
        """Seconds until one may go."""
        rest = max(0.0, self.rest_until - now)
        if self.rate is None:
            return rest
        self._fill(now)
        return max(rest, (1.0 - self._tokens) / self.rate)

    def share(self, rate: float | None, now: float) -> None:
        """The rate changes with the number of processes; what has gathered stays."""
        if rate != self.rate:
            self.rate, self._at, self._tokens = rate, now, min(self._tokens, max(1.0, (rate or 0.0) * BURST_SECONDS))

    def _fill(self, now: float) -> None:
        if self.rate is not None and now > self._at:
            self._tokens = min(self._most, self._tokens + (now - self._at) * self.rate)
            self._at = now
