"""What do the ledger, consumers and campaigns ask the audience, and how is it written in sets?"""

from __future__ import annotations

#: Is this address suppressed? As a value and not as EXISTS, of which a stale plan would read all suppressions of
#: everybody for each claim. For `str.format(merchant=…, mode=…, channel=…, address=…)`.
SUPPRESSED = """(SELECT true FROM suppression s WHERE s.merchant_id = {merchant} AND s.mode = {mode}
    AND s.channel = {channel} AND s.address = {address}) IS NOT NULL"""

#: field -> type of its array; what a merchant may say about a recipient
FIELDS = {
    "email": "text",
    "phone": "text",
    "name": "text",
    "locale": "text",
    "timezone": "text",
    "country": "text",
    "attributes": "jsonb",
    "last_login_at": "timestamptz",
}

#: For `str.format(updates=…)`: what is not given stays as it is.
UPSERT = f"""
INSERT INTO recipient AS r (merchant_id, mode, external_id, {", ".join(FIELDS)})
SELECT %(merchant)s, %(mode)s, u.external_id, u.email, u.phone, COALESCE(u.name, ''), COALESCE(u.locale, ''),
  COALESCE(u.timezone, ''), COALESCE(u.country, ''), COALESCE(u.attributes, '{{{{}}}}'), u.last_login_at
FROM unnest(%(external_id)s::text[], {", ".join(f"%({name})s::{kind}[]" for name, kind in FIELDS.items())})
  AS u(external_id, {", ".join(FIELDS)})
ORDER BY u.external_id
ON CONFLICT (merchant_id, mode, external_id) DO UPDATE SET {{updates}}
RETURNING r.external_id, r.xmax = 0 AS created
"""
#: What an update does with a field that is given. Attributes are merged key by key.
UPDATES = {name: f"{name} = EXCLUDED.{name}" for name in FIELDS} | {
    "attributes": "attributes = r.attributes || EXCLUDED.attributes"
}

BY_EXTERNAL_ID = """
SELECT id, external_id, email, phone, name, locale, timezone, country, attributes, last_login_at, created_at
FROM recipient WHERE merchant_id = %(merchant)s AND mode = %(mode)s AND external_id = ANY(%(external_ids)s::text[])
"""

#: What the templates of a campaign may name of whom they go to.
BY_ID = """
SELECT id, external_id, email, phone, name, locale, timezone, country, attributes
FROM recipient WHERE id = ANY(%(ids)s::bigint[])
"""

SUPPRESS = """
INSERT INTO suppression (merchant_id, mode, channel, address, reason)
SELECT %(merchant)s, %(mode)s, u.channel, u.address, u.reason
FROM unnest(%(channels)s::text[], %(addresses)s::text[], %(reasons)s::text[]) AS u(channel, address, reason)
ORDER BY u.channel, u.address
ON CONFLICT (merchant_id, mode, channel, address) DO NOTHING
"""
