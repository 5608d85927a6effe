"""The statements that consumers and web share, word for word."""

from __future__ import annotations

COLUMNS = (
    "id, merchant_id, mode, channel, provider, name, token, config, sandbox, position, weight, enabled, paused_reason,"
    " concurrency, rate_limit, price_micros, prefixes, updated_at"
)

# Nothing but this module's own words is put into a statement here.
ACCOUNTS = f"""
SELECT {COLUMNS} FROM routing_provideraccount
WHERE merchant_id = %(merchant)s AND mode = %(mode)s
ORDER BY channel, position, id
"""

BY_TOKEN = f"SELECT {COLUMNS} FROM routing_provideraccount WHERE token = %(token)s"

ADD = """
INSERT INTO routing_provideraccount
  (merchant_id, mode, channel, provider, name, token, config, sandbox, position, weight, enabled, paused_reason)
VALUES
  (%(merchant)s, %(mode)s, %(channel)s, %(provider)s, %(name)s, %(token)s, %(config)s, true, 0, 1, true, '')
ON CONFLICT (merchant_id, mode, channel, name) DO NOTHING
"""

# The first reason stays: it is the one somebody has to act on. Whoever changed the account since knows better.
PAUSE = """
WITH paused AS (
  UPDATE routing_provideraccount SET paused_reason = %(reason)s, updated_at = clock_timestamp()
  WHERE id = %(id)s AND paused_reason = '' AND updated_at = %(seen)s
  RETURNING id, merchant_id, mode
)
INSERT INTO merchants_auditentry (merchant_id, mode, at, actor, action, object_id, request_id, details)
SELECT merchant_id, mode, clock_timestamp(), 'system:deliver', 'provider_account.paused', id::text, '',
  jsonb_build_object('reason', %(reason)s::text)
FROM paused
"""
