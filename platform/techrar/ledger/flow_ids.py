"""Which flow does a send belong to? Asked once per flow and process, then known."""

from __future__ import annotations

from functools import lru_cache

from django.db import connection

from techrar.core.mode import Mode
from techrar.ledger.flows import ENSURE_FLOW


@lru_cache(maxsize=100_000)
def flow_id(merchant_id: int, mode: Mode, channel: str, priority: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            ENSURE_FLOW,
            {"merchant": merchant_id, "mode": mode.code, "channel": channel, "run": 0, "priority": int(priority)},
        )
        return int(cursor.fetchone()[0])
