"""Has somebody asked us to stop, and how urgently?"""

from __future__ import annotations

import signal
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Raised where we wait for something else than the supervisor's loop; not an error."""


class StopRequests:
    """Counts the signals: the first asks for an orderly stop, a second one for a fast stop."""

    def __init__(self) -> None:
        self.count = 0
        self.raising = True

    def install(self) -> None:
        for number in STOPPING:
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.raising:
            self.raising = False  # what cleans up must not be interrupted by the same means
            raise Interrupted
