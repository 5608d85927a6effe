"""The statements that store receipts and find their deliveries."""

from __future__ import annotations

STORE = """
INSERT INTO receipt (account_id, merchant_id, mode, event_id, kind, at, delivery_id, vendor_id, reason, permanent,
  machine, raw)
SELECT %(account)s, %(merchant)s, %(mode)s, u.event_id, u.kind, u.at, u.delivery_id, u.vendor_id, u.reason, u.permanent,
  u.machine, u.raw::jsonb
FROM unnest(%(event_id)s::text[], %(kind)s::text[], %(at)s::timestamptz[], %(delivery_id)s::uuid[],
  %(vendor_id)s::text[], %(reason)s::text[], %(permanent)s::boolean[], %(machine)s::boolean[], %(raw)s::text[])
  AS u(event_id, kind, at, delivery_id, vendor_id, reason, permanent, machine, raw)
ON CONFLICT (account_id, event_id) DO NOTHING
"""

#: What we saw ourselves: account 0 is no vendor's. It is looked at after a moment, when what came with it is known.
KEEP = """
INSERT INTO receipt (account_id, merchant_id, mode, event_id, kind, at, delivery_id, machine, raw, try_at)
SELECT 0, u.merchant_id, u.mode, u.event_id, u.kind, u.at, u.delivery_id, u.machine, u.raw::jsonb,
  now() + %(delay)s * interval '1 second'
FROM unnest(%(merchant)s::int[], %(mode)s::smallint[], %(event_id)s::text[], %(kind)s::text[], %(at)s::timestamptz[],
  %(delivery_id)s::uuid[], %(machine)s::boolean[], %(raw)s::text[])
  AS u(merchant_id, mode, event_id, kind, at, delivery_id, machine, raw)
ON CONFLICT (account_id, event_id) DO NOTHING
"""

#: The row's own merchant must be the account's: an echoed id that names another merchant's delivery matches nothing.
PICK = """
SELECT r.id, r.kind, r.at, r.reason, r.permanent, r.machine, r.vendor_id, r.merchant_id, r.mode, r.account_id, r.tries,
  r.received_at, CASE WHEN r.account_id = 0 THEN r.raw END AS own, COALESCE(r.delivery_id, v.delivery_id) AS delivery_id
FROM receipt r
LEFT JOIN vendor_message v ON r.delivery_id IS NULL AND v.account_id = r.account_id AND v.vendor_id = r.vendor_id
WHERE r.try_at <= now() ORDER BY r.try_at LIMIT %(limit)s FOR UPDATE OF r SKIP LOCKED
"""

#: Locked from here on, all at once and in the order of ids: who would lock more after the first counter was bumped
#: could wait for somebody who waits for that counter.
OWNERS = """
SELECT id, merchant_id, mode, run_id, channel, address FROM delivery
WHERE id = ANY(%(ids)s) AND id BETWEEN %(lo)s AND %(hi)s
ORDER BY id FOR UPDATE
"""

#: Of what we saw ourselves, the machines: so soon after the message went out or arrived, or several links at once.
TOO_FAST = """
SELECT r.id FROM receipt r
WHERE r.id = ANY(%(ids)s::bigint[]) AND (
  EXISTS (
    SELECT FROM delivery_event e
    WHERE e.delivery_id = r.delivery_id AND e.delivery_id BETWEEN %(lo)s AND %(hi)s
      AND e.kind IN ('sent', 'delivered') AND r.at BETWEEN e.at AND e.at + %(seconds)s * interval '1 second')
  OR r.kind = 'clicked' AND (
    SELECT count(DISTINCT c.raw->>'link') FROM receipt c
    WHERE c.account_id = 0 AND c.kind = 'clicked' AND c.delivery_id = r.delivery_id
      AND c.at BETWEEN r.at - %(seconds)s * interval '1 second' AND r.at + %(seconds)s * interval '1 second'
  ) >= %(links)s)
"""

#: What a receipt says beside the state: engagement, and words that came too late to move anything.
NOTE = """
WITH o AS MATERIALIZED (
  SELECT * FROM unnest(%(id)s::uuid[], %(kind)s::text[], %(at)s::timestamptz[], %(reason)s::text[],
    %(vendor_id)s::text[], %(account)s::bigint[], %(machine)s::boolean[], %(detail)s::text[])
    AS o(id, kind, at, reason, vendor_id, account_id, machine, detail)
), first AS (
  SELECT id, min(at) FILTER (WHERE kind = 'opened' AND NOT machine) AS opened,
    min(at) FILTER (WHERE kind = 'clicked' AND NOT machine) AS clicked,
    min(at) FILTER (WHERE kind = 'read') AS read FROM o GROUP BY id
), t AS MATERIALIZED (
  SELECT id FROM delivery WHERE id = ANY(%(id)s::uuid[]) AND id BETWEEN %(lo)s AND %(hi)s ORDER BY id FOR UPDATE
), noted AS (
  UPDATE delivery d SET opened_at = COALESCE(d.opened_at, first.opened),
    clicked_at = COALESCE(d.clicked_at, first.clicked), read_at = COALESCE(d.read_at, first.read)
  FROM t JOIN first USING (id) WHERE d.id = t.id AND d.id BETWEEN %(lo)s AND %(hi)s
  RETURNING d.id, d.merchant_id, d.mode, d.state, d.attempt
)
INSERT INTO delivery_event (delivery_id, at, account_id, merchant_id, mode, state, attempt, kind, reason, vendor_id,
  detail)
SELECT n.id, o.at, o.account_id, n.merchant_id, n.mode, n.state, n.attempt, o.kind, o.reason, o.vendor_id,
  o.detail::jsonb
FROM noted n JOIN o USING (id)
"""

DONE = "UPDATE receipt SET try_at = NULL WHERE id = ANY(%(ids)s)"

LATER = """
UPDATE receipt SET tries = tries + 1, try_at = CASE WHEN received_at > now() - interval '72 hours'
  THEN now() + least(power(4, tries), 3600) * interval '1 second' END
WHERE id = ANY(%(ids)s)
"""
