"""Who stops or slows sending in an emergency? Relays read it every half second, consumers every second."""

from __future__ import annotations

from django.db import connection

from techrar.core.rows import rows
from techrar.ledger.flows import Brake

PUT = """
INSERT INTO brake (scope, subject, rate, set_by) VALUES (%(scope)s, %(subject)s, %(rate)s, %(by)s)
ON CONFLICT (scope, subject) DO UPDATE SET rate = EXCLUDED.rate, set_by = EXCLUDED.set_by, set_at = now()
"""


def put(*, scope: str, subject: str, rate: int, by: str) -> None:
    """A rate of 0 stops."""
    with connection.cursor() as cursor:
        cursor.execute(PUT, {"scope": scope, "subject": subject, "rate": rate, "by": by})


def release(*, scope: str, subject: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM brake WHERE scope = %s AND subject = %s", (scope, subject))


def all_of_them() -> list[Brake]:
    found = rows("SELECT scope, subject, rate FROM brake ORDER BY scope, subject", {})
    return [Brake(row.scope, row.subject, row.rate) for row in found]
