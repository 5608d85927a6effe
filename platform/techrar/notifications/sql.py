"""The statement that accepts: idempotency key, notifications, deliveries and tallies in one round trip."""

from __future__ import annotations

from techrar.ledger.states import State
from techrar.ledger.tallies import BUMP_TALLIES, KEY

#: A second request with the same key waits here for the first one's commit, then inserts nothing.
ACCEPT = f"""
WITH guard AS (
  INSERT INTO idempotency (merchant_id, mode, endpoint, key, fingerprint, status, answer)
  SELECT %(merchant)s, %(mode)s, %(endpoint)s, %(key)s, %(fingerprint)s, 202, %(answer)s WHERE %(key)s::text IS NOT NULL
  ON CONFLICT DO NOTHING RETURNING 1
), go AS (
  SELECT 1 WHERE %(key)s::text IS NULL OR EXISTS (SELECT FROM guard)
), n AS (
  INSERT INTO notification (id, template_version_id, resend_of, scheduled_at, merchant_id, mode, priority, category,
    locale, recipient, request)
  SELECT u.id, u.template_version_id, u.resend_of, u.scheduled_at, %(merchant)s, %(mode)s, u.priority, u.category,
    u.locale, u.recipient, u.request::jsonb
  FROM go, unnest(%(n_id)s::uuid[], %(n_template)s::uuid[], %(n_resend_of)s::uuid[], %(n_scheduled_at)s::timestamptz[],
    %(n_priority)s::smallint[], %(n_category)s::text[], %(n_locale)s::text[], %(n_recipient)s::text[],
    %(n_request)s::text[])
    AS u(id, template_version_id, resend_of, scheduled_at, priority, category, locale, recipient, request)
), d AS (
  INSERT INTO delivery (id, replays, due_at, relay_at, wake_at, expires_at, flow_id, merchant_id, mode, priority, state,
    channel, category, address)
  SELECT u.id, u.replays, COALESCE(u.wake_at, now()), CASE WHEN u.wake_at IS NULL THEN now() END, u.wake_at, u.expires_at,
    u.flow_id, %(merchant)s, %(mode)s, u.priority,
    CASE WHEN u.wake_at IS NULL THEN {State.ACCEPTED:d} ELSE {State.SCHEDULED:d} END, u.channel, u.category, u.address
  FROM go, unnest(%(d_id)s::uuid[], %(d_replays)s::uuid[], %(d_wake_at)s::timestamptz[], %(d_expires_at)s::timestamptz[],
    %(d_flow)s::bigint[], %(d_priority)s::smallint[], %(d_channel)s::text[], %(d_category)s::text[], %(d_address)s::text[])
    AS u(id, replays, wake_at, expires_at, flow_id, priority, channel, category, address)
  RETURNING id, merchant_id, mode, run_id, variant, channel, account_id, category, state, reason, currency
), delta AS (
  SELECT {KEY.format(p="", state="state", reason="reason", account="account_id", currency="currency")},
    1 AS n, 0 AS cost_micros FROM d
), tallied AS ({BUMP_TALLIES})
SELECT EXISTS (SELECT FROM go)
"""

NOTIFICATION = """
SELECT id, template_version_id, resend_of, scheduled_at, priority, category, locale, recipient, request FROM notification
WHERE id = %(id)s AND merchant_id = %(merchant)s AND mode = %(mode)s
"""

DELIVERIES = """
SELECT id, channel, state, reason, possible_duplicate, attempt, account_id, address, opened_at, clicked_at, read_at
FROM delivery WHERE id BETWEEN %(lo)s AND %(hi)s AND merchant_id = %(merchant)s AND mode = %(mode)s ORDER BY id
"""

EVENTS = """
SELECT e.delivery_id, e.at, e.kind, e.state, e.attempt, e.reason, e.vendor_id, e.detail FROM delivery_event e
WHERE e.delivery_id BETWEEN %(lo)s AND %(hi)s AND e.merchant_id = %(merchant)s AND e.mode = %(mode)s ORDER BY e.at, e.seq
"""

PAGE = """
SELECT n.id, n.template_version_id, n.resend_of, n.scheduled_at, n.priority, n.category, n.locale, n.recipient, n.request
FROM notification n
WHERE n.merchant_id = %(merchant)s AND n.mode = %(mode)s AND n.id < %(before)s AND n.id >= %(since)s
  AND (%(category)s::text IS NULL OR n.category = %(category)s)
  AND (%(recipient)s::text IS NULL OR n.recipient = %(recipient)s)
  AND (%(state)s::smallint[] IS NULL AND %(channel)s::text IS NULL OR EXISTS (
    SELECT FROM delivery d
    WHERE d.id > n.id AND d.id <= (left(n.id::text, 32) || 'ffff')::uuid
      AND d.id >= %(since)s AND d.id < %(before_deliveries)s
      AND (%(state)s::smallint[] IS NULL OR d.state = ANY(%(state)s)) AND (%(channel)s::text IS NULL OR d.channel = %(channel)s)))
ORDER BY n.id DESC LIMIT %(limit)s
"""

PAGE_DELIVERIES = """
SELECT d.id, d.channel, d.state, d.reason, d.possible_duplicate, d.attempt FROM unnest(%(ids)s::uuid[]) AS w(id)
JOIN delivery d ON d.id > w.id AND d.id <= (left(w.id::text, 32) || 'ffff')::uuid
WHERE d.id BETWEEN %(lo)s AND %(hi)s ORDER BY d.id
"""
