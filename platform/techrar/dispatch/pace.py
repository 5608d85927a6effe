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
    _seen: float = field(default=0.0, repr=False)
    _expected: int = field(default=0, repr=False)
    drained_at: float = 0.0
    boosted_at: float = 0.0
    _tokens: float = 0.0
    _tokens_at: float = 0.0

    def look(self, outstanding: int, *, now: float) -> None:
        """Learn from how many of the published rows are still unclaimed."""
        drained = self._expected - outstanding
        elapsed = now - self._seen
        if self._seen and drained > 0 and elapsed > 0:
            self.drained_at = now
            sample = drained / elapsed
            self.rate = sample if not self.rate else 0.7 * self.rate + 0.3 * sample
            if outstanding == 0:
                self.window = min(self.window * 2, LARGEST_WINDOW)
            else:
                self.window = max(FIRST_WINDOW, min(self.rate * WINDOW_SECONDS, LARGEST_WINDOW))
        self._expected = outstanding
        self._seen = now

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

    def boost(self, outstanding: int, lane_window: int, *, now: float) -> int:
        """How many of a flow that the broker starves may travel at the lane's top priority."""
        starved = outstanding > 0 and now - self.drained_at > BOOST_EVERY and now - self.boosted_at > BOOST_EVERY
        if not starved:
            return 0
        self.boosted_at = now
        return max(1, int(lane_window * LOW_SHARE))

    def _take_tokens(self, throttle: int, now: float) -> int:
        if self._tokens_at:
            self._tokens = min(self._tokens + (now - self._tokens_at) * throttle, max(1.0, throttle * WINDOW_SECONDS))
        else:
            self._tokens = 1.0
        self._tokens_at = now
        return int(self._tokens)
