"""The statements that consumers and web share, word for word."""

from __future__ import annotations

COLUMNS = (
    "id, merchant_id, mode, channel, provider, name, token, config, sandbox, position, weight, enabled, paused_reason,"
    " concurrency, updated_at"
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

# The first reason stays: it is the one somebody has to act on.
PAUSE = """
UPDATE routing_provideraccount SET paused_reason = %(reason)s, updated_at = clock_timestamp()
WHERE id = %(id)s AND paused_reason = ''
"""
