"""How much of a flow may wait at the broker?

About 150 ms of what its consumers were seen to take, so that a pause, a cancel or a more urgent message finds the
broker nearly empty. The measure is the ledger's own: what was published and is not yet claimed. Pure: time comes in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WINDOW_SECONDS = 0.15
FIRST_WINDOW = 200
LARGEST_WINDOW = 20_000
#: What flows below the busiest priority keep of a lane, however much is above them.
LOW_SHARE = 0.05
BOOST_EVERY = WINDOW_SECONDS


@dataclass(slots=True)
class Pace:
    """One flow's window, grown while the consumers empty it between two looks, else set to their measured drain."""

    window: float = FIRST_WINDOW
    rate: float = 0.0
    after: int = 0  #: keyset cursor: the last id taken, as an integer
    drained_at: float = 0.0
    silent_since: float = 0.0  #: since when something waits and nobody claims
    _looked: bool = field(default=False, repr=False)
    _expected: int = field(default=0, repr=False)
    _given_back: int = field(default=0, repr=False)
    _boosted_at: float = 0.0
    _credit: float = 0.0
    _tokens: float = 0.0
    _tokens_at: float = 0.0

    def look(self, outstanding: int, *, given_back: int, now: float) -> int:
        """Learn from how many of the published rows are still unclaimed; answer how many were claimed.

        `given_back` counts, since ever, those that left the broker unclaimed: they say nothing about consumers.
        """
        returned = given_back - self._given_back
        if returned:
            self.after = 0  # what came back is the oldest in the line
        drained = max(0, self._expected - outstanding - returned) if self._looked else 0
        if drained and now > self.silent_since:
            self.drained_at = now
            sample = drained / (now - self.silent_since)
            self.rate = sample if not self.rate else 0.7 * self.rate + 0.3 * sample
            if outstanding == 0:
                self.window = min(self.window * 2, LARGEST_WINDOW)
            else:
                self.window = max(FIRST_WINDOW, min(self.rate * WINDOW_SECONDS, LARGEST_WINDOW))
        if drained or not (self._expected and self._looked):
            self.silent_since = now
        self._looked, self._expected, self._given_back = True, outstanding, given_back
        return drained

    def allowance(self, outstanding: int, *, throttle: int, now: float) -> int:
        """How many more may be published now."""
        room = int(self.window) - outstanding
        if throttle:
            room = min(room, self._take_tokens(throttle, now))
        return max(0, room)

    def published(self, count: int, *, throttle: int) -> None:
        self._expected += count
        if throttle:
            self._tokens -= count

    def boost(self, earned: float, *, now: float) -> int:
        """How many of a flow that waits behind busier ones may travel at the lane's top priority.

        `earned` is its part of what the lane took since the last round, so where nothing moves nothing is added.
        """
        self._credit += earned
        if self._credit < 1 or now - self._boosted_at < BOOST_EVERY:
            return 0
        count, self._credit, self._boosted_at = int(self._credit), self._credit % 1, now
        return count

    def _take_tokens(self, throttle: int, now: float) -> int:
        if self._tokens_at:
            self._tokens = min(self._tokens + (now - self._tokens_at) * throttle, max(1.0, throttle * WINDOW_SECONDS))
        else:
            self._tokens = 1.0
        self._tokens_at = now
        return int(self._tokens)
