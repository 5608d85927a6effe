"""What did one scenario come to?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(slots=True)
class Result:
    """One line of the report."""

    name: str
    accepted: int = 0
    lost: int = 0
    unexpected: int = 0
    doubled: int = 0
    window: int = 0  #: how often the end of a call could not be known
    back: float = math.nan  #: seconds after the end of the fault
    settled: float = math.nan  #: seconds after the last was accepted
    urgent_p99: float = math.nan
    wrong: list[str] = field(default_factory=list)
    not_run: str = ""
