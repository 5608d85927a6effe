"""The statements that store receipts and find their deliveries."""

from __future__ import annotations

STORE = """
INSERT INTO receipt (account_id, merchant_id, mode, event_id, kind, at, delivery_id, vendor_id, reason, permanent, raw)
SELECT %(account)s, %(merchant)s, %(mode)s, u.event_id, u.kind, u.at, u.delivery_id, u.vendor_id, u.reason, u.permanent,
  u.raw::jsonb
FROM unnest(%(event_id)s::text[], %(kind)s::text[], %(at)s::timestamptz[], %(delivery_id)s::uuid[],
  %(vendor_id)s::text[], %(reason)s::text[], %(permanent)s::boolean[], %(raw)s::text[])
  AS u(event_id, kind, at, delivery_id, vendor_id, reason, permanent, raw)
ON CONFLICT (account_id, event_id) DO NOTHING
"""

#: The row's own merchant must be the account's: an echoed id that names another merchant's delivery matches nothing.
PICK = """
SELECT r.id, r.kind, r.at, r.reason, r.permanent, r.vendor_id, r.merchant_id, r.mode, r.account_id, r.tries,
  r.received_at, COALESCE(r.delivery_id, v.delivery_id) AS delivery_id
FROM receipt r
LEFT JOIN vendor_message v ON r.delivery_id IS NULL AND v.account_id = r.account_id AND v.vendor_id = r.vendor_id
WHERE r.try_at <= now() ORDER BY r.try_at LIMIT %(limit)s FOR UPDATE OF r SKIP LOCKED
"""

#: Locked from here on, all at once and in the order of ids: who would lock more after the first counter was bumped
#: could wait for somebody who waits for that counter.
OWNERS = """
SELECT id, merchant_id, mode, run_id FROM delivery WHERE id = ANY(%(ids)s) AND id BETWEEN %(lo)s AND %(hi)s
ORDER BY id FOR UPDATE
"""

#: What a receipt says beside the state: engagement, and words that came too late to move anything.
NOTE = """
WITH o AS MATERIALIZED (
  SELECT * FROM unnest(%(id)s::uuid[], %(kind)s::text[], %(at)s::timestamptz[], %(reason)s::text[],
    %(vendor_id)s::text[], %(account)s::bigint[]) AS o(id, kind, at, reason, vendor_id, account_id)
), first AS (
  SELECT id, min(at) FILTER (WHERE kind = 'opened') AS opened, min(at) FILTER (WHERE kind = 'clicked') AS clicked,
    min(at) FILTER (WHERE kind = 'read') AS read FROM o GROUP BY id
), t AS MATERIALIZED (
  SELECT id FROM delivery WHERE id = ANY(%(id)s::uuid[]) AND id BETWEEN %(lo)s AND %(hi)s ORDER BY id FOR UPDATE
), noted AS (
  UPDATE delivery d SET opened_at = COALESCE(d.opened_at, first.opened),
    clicked_at = COALESCE(d.clicked_at, first.clicked), read_at = COALESCE(d.read_at, first.read)
  FROM t JOIN first USING (id) WHERE d.id = t.id AND d.id BETWEEN %(lo)s AND %(hi)s
  RETURNING d.id, d.merchant_id, d.mode, d.state, d.attempt
)
INSERT INTO delivery_event (delivery_id, at, account_id, merchant_id, mode, state, attempt, kind, reason, vendor_id)
SELECT n.id, o.at, o.account_id, n.merchant_id, n.mode, n.state, n.attempt, o.kind, o.reason, o.vendor_id
FROM noted n JOIN o USING (id)
"""

DONE = "UPDATE receipt SET try_at = NULL WHERE id = ANY(%(ids)s)"

LATER = """
UPDATE receipt SET tries = tries + 1, try_at = CASE WHEN received_at > now() - interval '72 hours'
  THEN now() + least(power(4, tries), 3600) * interval '1 second' END
WHERE id = ANY(%(ids)s)
"""
