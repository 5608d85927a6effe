"""How do processes write down what they know of an account's health, for one another and for the API?

One hash in Valkey for each account, one field for each process. Free of Django, and of any client.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from techrar.routing.health import State, Tripped

log = logging.getLogger(__name__)

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
    """By process; what is old is left out, and what only another version can read."""
    found = {}
    for process, text in said.items():
        try:
            report = _report(orjson.loads(text))
        except (ValueError, KeyError, TypeError):
            log.debug("the report of %s cannot be read", process)
            continue
        if wall - report.at <= FRESH_SECONDS:
            found[process.decode()] = report
    return found


def _report(given: dict[str, Any]) -> Report:
    tripped = given["tripped"]
    return Report(
        given["at"], State(given["state"]), given["reliability"], Tripped(**tripped) if tripped is not None else None
    )
