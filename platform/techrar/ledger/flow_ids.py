"""Which flow does a send belong to, and which a run? The former is asked once per flow and process, then known."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import connection, transaction

from techrar.core.mode import Mode
from techrar.ledger.flows import ENSURE_FLOW, FlowState

MOST_KNOWN = 100_000
_Name = tuple[int, Mode, str, int]
_known: dict[_Name, int] = {}


def flow_id(merchant_id: int, mode: Mode, channel: str, priority: int) -> int:
    name = (merchant_id, mode, channel, int(priority))
    known = _known.get(name)
    if known is not None:
        return known
    made = _ensure(merchant_id, mode, channel, priority, run=0)
    # Not before it is committed: what is sent on a flow that was rolled back would never leave.
    transaction.on_commit(partial(_remember, name, made))
    return made


def run_flow(merchant_id: int, mode: Mode, channel: str, priority: int, *, run: int, throttle: int) -> int:
    """A flow of the run's own; `throttle` is messages per second, 0 as fast as it goes."""
    made = _ensure(merchant_id, mode, channel, priority, run=run)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE flow SET throttle = %s WHERE id = %s", (throttle, made))
    return made


def set_flow(flow: int, state: FlowState) -> None:
    """Felt by relays at their next round and by consumers within a second."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE flow SET state = %s WHERE id = %s", (int(state), flow))


def _ensure(merchant_id: int, mode: Mode, channel: str, priority: int, *, run: int) -> int:
    values: dict[str, Any] = {"merchant": merchant_id, "mode": mode.code, "channel": channel, "run": run}
    with connection.cursor() as cursor:
        cursor.execute(ENSURE_FLOW, values | {"priority": int(priority)})
        return int(cursor.fetchone()[0])


def _remember(name: _Name, made: int) -> None:
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[name] = made
