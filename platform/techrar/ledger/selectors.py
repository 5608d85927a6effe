"""How many deliveries of a merchant are in which state? Read from the tallies, never counted."""

from __future__ import annotations

from datetime import date

from django.db import connection

from techrar.core.mode import Mode
from techrar.ledger.states import PENDING, State

TODAY = """
SELECT state, sum(n)::bigint FROM tally
WHERE merchant_id = %(merchant)s AND mode = %(mode)s AND day = %(day)s
GROUP BY state HAVING sum(n) <> 0
"""


def today(*, merchant_id: int, mode: Mode, day: date) -> dict[str, int]:
    """Deliveries accepted on a UTC day, by the word of their state; those not finished are `pending`."""
    with connection.cursor() as cursor:
        cursor.execute(TODAY, {"merchant": merchant_id, "mode": mode.code, "day": day})
        return {"pending" if state == PENDING else State(state).word: n for state, n in cursor.fetchall()}
