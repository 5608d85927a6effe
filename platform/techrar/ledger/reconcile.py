"""Does the ledger balance?

Recounts the rows and compares them with the tallies, and with law 2: for each merchant's day and each run, what was
planned equals the sum over all states. Reads one snapshot, so it may run beside live traffic.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection

from techrar.core.records import by_name
from techrar.ledger.partitions import existing
from techrar.ledger.states import PENDING, State
from techrar.ledger.tallies import KEY

COMPARE = f"""
WITH rows AS (
  SELECT {KEY.format(p="", state="state", reason="reason", account="account_id", currency="currency")},
    count(*) AS n, sum(cost_micros)::bigint AS cost_micros
  FROM delivery GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
), counted AS (
  SELECT merchant_id, mode, day, run_id, variant, channel, account_id, category, state, reason, currency,
    sum(n) AS n, sum(cost_micros) AS cost_micros
  FROM tally GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
)
SELECT merchant_id, mode, day, run_id, variant, channel, account_id, category, state, reason, currency,
  COALESCE(r.n, 0) AS rows_n, COALESCE(c.n, 0)::bigint AS tally_n,
  COALESCE(r.cost_micros, 0) AS rows_cost, COALESCE(c.cost_micros, 0)::bigint AS tally_cost
FROM rows r FULL JOIN counted c
  USING (merchant_id, mode, day, run_id, variant, channel, account_id, category, state, reason, currency)
WHERE day >= %(since)s AND date_trunc('month', day) = ANY(%(months)s::timestamp[])
  AND (COALESCE(r.n, 0), COALESCE(r.cost_micros, 0))
  IS DISTINCT FROM (COALESCE(c.n, 0), COALESCE(c.cost_micros, 0))
ORDER BY day, merchant_id, mode, run_id, channel, state
"""

STATES = """
SELECT merchant_id, mode, id_day(id) AS day, run_id, state, count(*) AS n
FROM delivery WHERE id_day(id) >= %(since)s GROUP BY 1, 2, 3, 4, 5 ORDER BY 3, 1, 2, 4, 5
"""

STRAYS = f"""
SELECT 'held by a claim that is gone' AS what, d.id FROM delivery d
WHERE d.state = {State.SENDING:d} AND NOT EXISTS (SELECT FROM claim c WHERE c.id = d.held_by)
UNION ALL
SELECT 'reserved by an envelope that is gone', d.id FROM delivery d
WHERE d.state = {State.QUEUED:d} AND NOT EXISTS (SELECT FROM envelope e WHERE e.id = d.held_by)
UNION ALL
SELECT 'accepted but in no line', d.id FROM delivery d WHERE d.state = {State.ACCEPTED:d} AND d.relay_at IS NULL
UNION ALL
SELECT 'scheduled but never due', d.id FROM delivery d WHERE d.state = {State.SCHEDULED:d} AND d.wake_at IS NULL
LIMIT 100
"""


#: Law 2 for runs: what their chunks promised is what is counted.
PROMISES = """
SELECT run_id, COALESCE(p.n, 0)::bigint AS planned, COALESCE(c.n, 0)::bigint AS counted
FROM (SELECT run_id, sum(planned) AS n FROM chunk GROUP BY run_id) p
FULL JOIN (SELECT run_id, sum(n) AS n FROM tally WHERE run_id <> 0 GROUP BY run_id) c USING (run_id)
WHERE COALESCE(p.n, 0) <> COALESCE(c.n, 0) ORDER BY run_id
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One merchant's day, or one run of it."""

    merchant_id: int
    mode: int
    day: date
    run_id: int
    states: dict[str, int]

    @property
    def planned(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True, slots=True)
class Report:
    lines: list[Line]
    wrong: list[str]


def reconcile(connection: Connection[Any], *, since: date) -> Report:
    with connection.transaction(), connection.cursor(row_factory=by_name) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # The tallies of a dropped month are sealed: there is nothing left to compare them with.
        months = [month.replace(tzinfo=None) for month in existing(connection, "delivery")]
        differences = cursor.execute(COMPARE, {"since": since, "months": months}).fetchall()
        strays = cursor.execute(STRAYS).fetchall()
        counted = cursor.execute(STATES, {"since": since}).fetchall()
        broken = cursor.execute(PROMISES).fetchall()
    wrong = [_difference(d) for d in differences] + [f"{s.id}: {s.what}" for s in strays]
    wrong += [f"run {b.run_id}: {b.planned} deliveries were planned, {b.counted} are counted" for b in broken]
    return Report(_lines(counted), wrong)


def _lines(rows: list[Any]) -> list[Line]:
    groups: dict[tuple[int, int, date, int], dict[str, int]] = {}
    for r in rows:
        groups.setdefault((r.merchant_id, r.mode, r.day, r.run_id), {})[State(r.state).word] = r.n
    return [Line(*key, states=states) for key, states in groups.items()]


def _difference(d: Any) -> str:
    state = "pending" if d.state == PENDING else State(d.state).word
    where = f"{d.day} merchant {d.merchant_id} {'live' if d.mode else 'test'} run {d.run_id} {d.channel} {d.category}"
    what = f"{state}{' ' + d.reason if d.reason else ''} account {d.account_id} variant {d.variant}"
    if d.rows_n != d.tally_n:
        return f"{where}: {what}: {d.rows_n} rows, tally says {d.tally_n}"
    return f"{where}: {what}: rows cost {d.rows_cost} micros {d.currency}, tally says {d.tally_cost}"
