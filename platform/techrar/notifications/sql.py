"""The statements of a notification: accept, find, list.

`ACCEPT` is idempotency key, notifications, deliveries and tallies in one round trip.
"""

from __future__ import annotations

from techrar.ledger.idempotency import CLAIM
from techrar.ledger.states import State
from techrar.ledger.tallies import BUMP_TALLIES, KEY

#: A second request with the same key waits in `guard` for the first one's commit, then inserts nothing.
ACCEPT = f"""
WITH guard AS ({CLAIM}), go AS (
  SELECT 1 WHERE %(key)s::text IS NULL OR EXISTS (SELECT FROM guard)
), n AS (
  INSERT INTO notification (id, template_version_id, resend_of, scheduled_at, merchant_id, mode, priority, category,
    locale, recipient, recipient_id, request)
  SELECT u.id, u.template_version_id, u.resend_of, u.scheduled_at, %(merchant)s, %(mode)s, u.priority, u.category,
    u.locale, u.recipient, u.recipient_id, u.request::jsonb
  FROM go, unnest(%(n_id)s::uuid[], %(n_template)s::uuid[], %(n_resend_of)s::uuid[], %(n_scheduled_at)s::timestamptz[],
    %(n_priority)s::smallint[], %(n_category)s::text[], %(n_locale)s::text[], %(n_recipient)s::text[],
    %(n_recipient_id)s::bigint[], %(n_request)s::text[])
    AS u(id, template_version_id, resend_of, scheduled_at, priority, category, locale, recipient, recipient_id, request)
), d AS (
  INSERT INTO delivery (id, replays, due_at, relay_at, wake_at, expires_at, flow_id, recipient_id, merchant_id, mode,
    priority, state, channel, category, address)
  SELECT u.id, u.replays, COALESCE(u.wake_at, now()), CASE WHEN u.wake_at IS NULL THEN now() END, u.wake_at,
    u.expires_at, u.flow_id, u.recipient_id, %(merchant)s, %(mode)s, u.priority,
    CASE WHEN u.wake_at IS NULL THEN {State.ACCEPTED:d} ELSE {State.SCHEDULED:d} END, u.channel, u.category, u.address
  FROM go, unnest(%(d_id)s::uuid[], %(d_replays)s::uuid[], %(d_wake_at)s::timestamptz[],
    %(d_expires_at)s::timestamptz[], %(d_flow)s::bigint[], %(d_recipient_id)s::bigint[], %(d_priority)s::smallint[],
    %(d_channel)s::text[], %(d_category)s::text[], %(d_address)s::text[])
    AS u(id, replays, wake_at, expires_at, flow_id, recipient_id, priority, channel, category, address)
  RETURNING id, merchant_id, mode, run_id, variant, channel, account_id, category, state, reason, currency
), delta AS (
  SELECT {KEY.format(p="", state="state", reason="reason", account="account_id", currency="currency")},
    1 AS n, 0 AS cost_micros FROM d
), tallied AS ({BUMP_TALLIES})
SELECT EXISTS (SELECT FROM go)
"""

NOTIFICATIONS = """
SELECT id, template_version_id, resend_of, scheduled_at, priority, category, locale, recipient, recipient_id, request
FROM notification
WHERE id = ANY(%(ids)s::uuid[]) AND id BETWEEN %(lo)s AND %(hi)s AND merchant_id = %(merchant)s AND mode = %(mode)s
ORDER BY id DESC
"""

#: By the key's range of each notification: a delivery's id is the notification's with a number in its last 16 bits.
DELIVERIES = """
SELECT d.id, d.channel, d.state, d.reason, d.possible_duplicate, d.attempt, d.address, d.opened_at, d.clicked_at,
  d.read_at
FROM unnest(%(ids)s::uuid[]) AS n(id)
JOIN delivery d ON d.id > n.id AND d.id <= (left(n.id::text, 32) || 'ffff')::uuid
WHERE d.id BETWEEN %(lo)s AND %(hi)s AND d.merchant_id = %(merchant)s AND d.mode = %(mode)s ORDER BY d.id
"""

EVENTS = """
SELECT delivery_id, at, kind, state, attempt, reason, vendor_id, detail FROM delivery_event
WHERE delivery_id BETWEEN %(lo)s AND %(hi)s AND merchant_id = %(merchant)s AND mode = %(mode)s ORDER BY at, seq
"""

#: The ids of a list, newest first, by what notifications themselves know.
LISTED = """
SELECT id FROM notification
WHERE merchant_id = %(merchant)s AND mode = %(mode)s AND id < %(before)s AND id >= %(since)s
  AND (%(category)s::text IS NULL OR category = %(category)s)
  AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
ORDER BY id DESC LIMIT %(limit)s
"""

#: Of these, the ones with such a delivery.
WITH_DELIVERY = """
SELECT n.id FROM unnest(%(ids)s::uuid[]) AS n(id)
WHERE EXISTS (
  SELECT FROM delivery d
  WHERE d.id > n.id AND d.id <= (left(n.id::text, 32) || 'ffff')::uuid
    AND d.id BETWEEN %(lo)s AND %(hi)s AND d.merchant_id = %(merchant)s AND d.mode = %(mode)s
    AND (%(state)s::smallint IS NULL OR d.state = %(state)s) AND (%(channel)s::text IS NULL OR d.channel = %(channel)s))
ORDER BY n.id DESC LIMIT %(limit)s
"""
