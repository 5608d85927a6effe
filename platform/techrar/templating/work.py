"""How much has this render cost so far, and may it go on?"""

from __future__ import annotations

import time
from collections.abc import Callable

from techrar.templating import limits
from techrar.templating.problems import Failure

_STEP = limits.FUEL // 16  #: how often the clock is read


class Work:
    """The budget of one render, shared by all fields of a message."""

    __slots__ = ("_clock", "_mark", "_started", "fuel", "iterations")

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self.fuel = limits.FUEL
        self.iterations = limits.ITERATIONS
        self._clock = clock
        self._started: float | None = None
        self._mark = self.fuel - _STEP

    def spend(self, units: int) -> None:
        self.fuel -= units
        if self.fuel < self._mark:
            self._check()

    def copy(self, characters: int) -> None:
        """A new text of this length is about to be made."""
        if characters > limits.TEXT_CHARS:
            raise Failure("too_large", f"a text has {characters} characters; {limits.TEXT_CHARS} are allowed")
        self.spend(1 + (characters >> 2))

    def loop(self, rounds: int, cost: int) -> None:
        """Paid before the first round, so that a loop that costs too much never starts."""
        self.iterations -= rounds
        if self.iterations < 0:
            raise Failure("too_much_work", f"all loops together run more than {limits.ITERATIONS} times")
        self.spend(rounds * (cost + 1))

    def _check(self) -> None:
        now = self._clock()
        if self._started is None:
            self._started = now
        if self.fuel < 0 or now - self._started > limits.CPU_SECONDS:
            raise Failure("too_much_work", "this costs too much to render: loop over less, or do less in the loop")
        self._mark = max(self.fuel - _STEP, 0)
