"""Which flow does a send belong to? Asked once per flow and process, then known."""

from __future__ import annotations

from functools import partial

from django.db import connection, transaction

from techrar.core.mode import Mode
from techrar.ledger.flows import ENSURE_FLOW

MOST_KNOWN = 100_000
_Name = tuple[int, Mode, str, int]
_known: dict[_Name, int] = {}


def flow_id(merchant_id: int, mode: Mode, channel: str, priority: int) -> int:
    name = (merchant_id, mode, channel, int(priority))
    known = _known.get(name)
    if known is not None:
        return known
    with connection.cursor() as cursor:
        cursor.execute(
            ENSURE_FLOW,
            {"merchant": merchant_id, "mode": mode.code, "channel": channel, "run": 0, "priority": int(priority)},
        )
        made = int(cursor.fetchone()[0])
    # Not before it is committed: what is sent on a flow that was rolled back would never leave.
    transaction.on_commit(partial(_remember, name, made))
    return made


def _remember(name: _Name, made: int) -> None:
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[name] = made
