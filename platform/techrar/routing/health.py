"""Is a provider account well enough to send through?

A breaker for each account, as a pure state machine: outcomes and the time go in. It opens when too much fails, and
when the vendor takes too long; after a pause it is half open, when a little of the traffic tries whether it is back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from providers.messages import Outcome, OutcomeKind, Reason

WINDOW_SECONDS = 30.0
ENOUGH = 20  #: messages in the window before a share of them means something
FAILING = 0.05  #: of the messages in the window; with fewer it is well, and closes again
IN_A_ROW = 3  #: failed calls
SLOW_SECONDS = 5.0  #: the longest that the 95th percentile may take
SLOW_SHARE = 0.05
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
ENOUGH_PROBES = 5  #: while it is half open; then the same shares decide

_FAILED = frozenset({OutcomeKind.RETRY, OutcomeKind.AMBIGUOUS})
#: These are the recipient's side, or our own bug; the vendor works.
_NOT_THE_ACCOUNT = frozenset({Reason.UNREACHABLE, Reason.BLOCKED, Reason.RECIPIENT_RATE, Reason.INVALID_ADDRESS})


class State(StrEnum):
    CLOSED = "closed"  #: well
    HALF_OPEN = "half_open"  #: coming back, tried with a little of the traffic
    SLOW = "slow"  #: open because of its latency: still better than nothing
    OPEN = "open"  #: failing


@dataclass(frozen=True, slots=True)
class Health:
    state: State = State.CLOSED
    reliability: float = 1.0  #: share of the messages in the window that were not failed by the vendor


HEALTHY = Health()


@dataclass(slots=True)
class Second:
    at: int
    good: int = 0
    bad: int = 0
    slow: int = 0


@dataclass(frozen=True, slots=True)
class Tripped:
    """What processes tell each other: since when it is open, until when, and why."""

    since: float
    until: float
    slow: bool


def tally(outcomes: Iterable[Outcome]) -> tuple[int, int]:
    """How many messages of a call speak for the account, and how many against it. The rest says nothing."""
    good = bad = 0
    for outcome in outcomes:
        if outcome.kind is OutcomeKind.ACCEPTED or outcome.kind is OutcomeKind.REJECTED:
            good += 1
        elif outcome.kind in _FAILED and outcome.reason not in _NOT_THE_ACCOUNT:
            bad += 1
    return good, bad


class Breaker:
    def __init__(self) -> None:
        self.state = State.CLOSED
        self.changed_at = float("-inf")
        self.tripped: Tripped | None = None
        self._pause = FIRST_PAUSE
        self._in_a_row = 0
        self._window: deque[Second] = deque()
        self._good = self._bad = self._slow = 0  #: of the window

    def record(self, good: int, bad: int, seconds: float, now: float) -> bool:
        """What a call of so many seconds came to. True when that changes the state.

        A call that began before the last change tells of what is already known.
        """
        before = self.look(now)
        if not good + bad or before is State.OPEN or now - seconds < self.changed_at:
            return False
        self._add(int(now), good, bad, good + bad if seconds > SLOW_SECONDS else 0)
        self._in_a_row = 0 if good else self._in_a_row + 1
        total = self._good + self._bad
        enough = total >= (ENOUGH if before is State.CLOSED else ENOUGH_PROBES)
        if self._in_a_row >= IN_A_ROW or (enough and self._bad > total * FAILING):
            self._trip(now, slow=False)
        elif enough and self._slow > total * SLOW_SHARE:
            self._trip(now, slow=True)
        elif enough and before is State.HALF_OPEN:
            self.state, self.changed_at, self.tripped, self._pause = State.CLOSED, now, None, FIRST_PAUSE
        return self.state is not before

    def look(self, now: float) -> State:
        """The state now: time alone opens it half."""
        if self.tripped and self.state in (State.OPEN, State.SLOW) and now >= self.tripped.until:
            self.state, self.changed_at = State.HALF_OPEN, self.tripped.until
            self._forget()
        return self.state

    def closed_to_all(self, now: float) -> bool:
        """Nothing goes through, not even where there is no other way."""
        return self.look(now) is State.OPEN

    def rest(self, seconds: float, now: float) -> bool:
        """The vendor wants nothing for so long. True when that changes the state."""
        before = self.look(now)
        if self.tripped is None or self.tripped.until < now + seconds:
            self._open(Tripped(now, now + seconds, slow=False))
        return self.state is not before

    def heard(self, other: Tripped, now: float) -> bool:
        """Another process has opened its breaker: true when ours opens with it. What is older than ours is no news."""
        well = self.look(now) in (State.CLOSED, State.HALF_OPEN)
        if not well or other.since <= self.changed_at or other.until <= now:
            return False
        self._open(other)
        return True

    def health(self, now: float) -> Health:
        self._expire(int(now))
        total = self._good + self._bad
        return Health(self.look(now), self._good / total if total >= ENOUGH_PROBES else 1.0)

    def _trip(self, now: float, *, slow: bool) -> None:
        self._open(Tripped(now, now + self._pause, slow))
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _open(self, tripped: Tripped) -> None:
        self.tripped, self.changed_at = tripped, tripped.since
        self.state = State.SLOW if tripped.slow else State.OPEN
        self._forget()

    def _forget(self) -> None:
        self._in_a_row = self._good = self._bad = self._slow = 0
        self._window.clear()

    def _expire(self, at: int) -> None:
        """Also while nothing is sent: who was avoided for its failures must not be avoided for ever."""
        window = self._window
        while window and window[0].at <= at - WINDOW_SECONDS:
            old = window.popleft()
            self._good, self._bad, self._slow = self._good - old.good, self._bad - old.bad, self._slow - old.slow

    def _add(self, at: int, good: int, bad: int, slow: int) -> None:
        self._expire(at)
        window = self._window
        if not window or window[-1].at < at:
            window.append(Second(at))
        last = window[-1]
        last.good, last.bad, last.slow = last.good + good, last.bad + bad, last.slow + slow
        self._good, self._bad, self._slow = self._good + good, self._bad + bad, self._slow + slow
