"""The dispatcher's statements."""

from __future__ import annotations

from techrar.ledger.states import State

#: The notification channel of PostgreSQL on which web processes say that there is work.
CHANNEL = "techrar_due"

#: Which flows have due rows? One index probe per flow, not one look per row.
DUE_FLOWS = """
WITH RECURSIVE f(flow_id) AS (
  (SELECT flow_id FROM delivery WHERE relay_at IS NOT NULL ORDER BY flow_id LIMIT 1)
  UNION ALL
  SELECT (SELECT d.flow_id FROM delivery d WHERE d.relay_at IS NOT NULL AND d.flow_id > f.flow_id
          ORDER BY d.flow_id LIMIT 1)
  FROM f WHERE f.flow_id IS NOT NULL
)
SELECT flow_id FROM f WHERE flow_id IS NOT NULL
"""

FLOWS = """
SELECT f.id, f.merchant_id, f.channel, f.birth_priority, f.priority, f.state, f.throttle,
  f.given_back, COALESCE(e.n, 0) AS outstanding
FROM flow f
LEFT JOIN (SELECT flow_id, sum(n)::bigint AS n FROM envelope WHERE NOT on_ladder GROUP BY flow_id) e ON e.flow_id = f.id
WHERE f.id = ANY(%(flows)s)
"""

BRAKES = "SELECT scope, subject, rate FROM brake"

WAKE_PICK = """
SELECT id FROM delivery WHERE wake_at <= now() ORDER BY wake_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""

WAKE = f"""
UPDATE delivery SET state = {State.ACCEPTED:d}, wake_at = NULL, relay_at = now()
WHERE id = ANY(%(ids)s) AND id BETWEEN %(lo)s AND %(hi)s
RETURNING flow_id
"""
