"""Where do a hundred thousand deliveries come from in a second?

The same rows that the API writes for a send with a stored template, made by the database itself.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from psycopg import Connection

from techrar.core.mode import Mode
from techrar.ledger.flows import ENSURE_FLOW
from techrar.ledger.states import State
from techrar.ledger.tallies import BUMP_TALLIES, KEY

CHUNK = 50_000

#: An id is its time, a number, and an empty leg.
_ID = "(%(time)s || '7000' || '8' || lpad(to_hex(n), 11, '0') || %(leg)s)::uuid"

SEED = f"""
WITH n AS (
  INSERT INTO notification (id, template_version_id, merchant_id, mode, priority, category, recipient, request)
  SELECT {_ID.replace("%(leg)s", "'0000'")}, %(template)s, %(merchant)s, %(mode)s, %(priority)s, %(category)s, '',
    jsonb_build_object('to', jsonb_build_object('email', 'person' || n || '@example.com', 'name', 'Person ' || n),
      'data', jsonb_build_object('name', 'Person ' || n, 'order', n, 'city', 'Riyadh'),
      'sender', '{{}}'::jsonb, 'metadata', '{{}}'::jsonb)
  FROM generate_series(%(first)s, %(last)s) AS n
), d AS (
  INSERT INTO delivery (id, due_at, relay_at, flow_id, run_id, merchant_id, mode, priority, state, channel, category,
    address)
  SELECT {_ID.replace("%(leg)s", "'0001'")}, now(), now(), %(flow)s, %(run)s, %(merchant)s, %(mode)s, %(priority)s,
    {State.ACCEPTED:d}, 'email', %(category)s, 'person' || n || '@example.com'
  FROM generate_series(%(first)s, %(last)s) AS n
  RETURNING id, merchant_id, mode, run_id, variant, channel, account_id, category, state, reason, currency
), delta AS (
  SELECT {KEY.format(p="", state="state", reason="reason", account="account_id", currency="currency")},
    1 AS n, 0 AS cost_micros FROM d
), tallied AS ({BUMP_TALLIES})
SELECT count(*) FROM d
"""


def seed(connection: Connection[Any], count: int, *, merchant: int, template: UUID, priority: int = 3) -> int:
    """Accept that many at once, all due now; answers their flow."""
    where = {"merchant": merchant, "mode": Mode.LIVE.code, "priority": priority, "run": 0}
    row = connection.execute(ENSURE_FLOW, {**where, "channel": "email"}).fetchone()
    assert row is not None
    category = "marketing" if priority == 3 else "transactional"
    values = {**where, "flow": row[0], "template": template, "category": category, "shard": 0}
    for first in range(1, count + 1, CHUNK):
        last = min(count, first + CHUNK - 1)
        connection.execute(SEED, {**values, "time": f"{int(time.time() * 1000):012x}", "first": first, "last": last})
    return int(row[0])
