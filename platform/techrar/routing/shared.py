"""How do processes write down what they know of an account's health, for one another and for the API?

One hash in Valkey for each account, one field for each process. Free of Django, and of any client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from techrar.routing.health import State, Tripped

#: A process that has not said anything for so long is gone, or sends nothing.
FRESH_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Report:
    at: float  #: seconds since 1970
    state: State
    reliability: float
    tripped: Tripped | None


def key_of(account_id: int) -> str:
    return f"techrar:health:{account_id}"


def write(report: Report) -> bytes:
    return orjson.dumps(report)


def read(said: Mapping[bytes, bytes], *, wall: float) -> dict[str, Report]:
    """By process; what is old is left out."""
    found = {process.decode(): _report(orjson.loads(text)) for process, text in said.items()}
    return {process: report for process, report in found.items() if wall - report.at <= FRESH_SECONDS}


def _report(given: dict[str, Any]) -> Report:
    tripped = given["tripped"]
    return Report(
        given["at"], State(given["state"]), given["reliability"], Tripped(**tripped) if tripped is not None else None
    )
