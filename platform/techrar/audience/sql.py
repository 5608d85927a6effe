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

#: Of addresses of many merchants at once. In the order of the key, so that two who write the same ones do not wait for
#: each other.
SUPPRESS = """
INSERT INTO suppression (merchant_id, mode, channel, address, reason)
SELECT * FROM unnest(%(merchants)s::int[], %(modes)s::smallint[], %(channels)s::text[], %(addresses)s::text[],
  %(reasons)s::text[]) AS u(merchant_id, mode, channel, address, reason)
ORDER BY u.merchant_id, u.mode, u.channel, u.address
ON CONFLICT (merchant_id, mode, channel, address) DO NOTHING
"""

#: One at a time, until the end of the transaction: each must see what the others have counted.
COUNT_ALONE = "SELECT pg_advisory_xact_lock(hashtext('techrar.soft_bounce'))::text"

_SAID = """unnest(%(merchants)s::int[], %(modes)s::smallint[], %(channels)s::text[], %(addresses)s::text[],
  %(deliveries)s::uuid[], %(ats)s::timestamptz[]) AS u(merchant_id, mode, channel, address, delivery_id, at)"""
_KEY = "merchant_id, mode, channel, address"

#: Nobody counts on where the matter is closed already.
COUNT_BOUNCES = f"""
INSERT INTO soft_bounce ({_KEY}, delivery_id, at)
SELECT u.merchant_id, u.mode, u.channel, u.address, u.delivery_id, min(u.at) FROM {_SAID}
WHERE NOT {SUPPRESSED.format(merchant="u.merchant_id", mode="u.mode", channel="u.channel", address="u.address")}
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
ON CONFLICT DO NOTHING
"""

#: What arrived ends the row of those that bounced before it. A row that another locks it deletes itself.
FORGET_BOUNCES = f"""
DELETE FROM soft_bounce WHERE ({_KEY}, delivery_id) IN (
  SELECT b.merchant_id, b.mode, b.channel, b.address, b.delivery_id
  FROM {_SAID} JOIN soft_bounce b USING ({_KEY})
  WHERE b.at < u.at AND b.delivery_id <> u.delivery_id FOR UPDATE OF b SKIP LOCKED)
"""

ENOUGH_BOUNCES = f"""
SELECT b.merchant_id, b.mode, b.channel, b.address
FROM (SELECT DISTINCT {_KEY} FROM {_SAID}) AS u JOIN soft_bounce b USING ({_KEY})
GROUP BY 1, 2, 3, 4 HAVING count(*) >= %(enough)s
"""

#: A suppression that is lifted later begins with an empty count.
END_COUNT = f"""
DELETE FROM soft_bounce WHERE ({_KEY}, delivery_id) IN (
  SELECT b.merchant_id, b.mode, b.channel, b.address, b.delivery_id
  FROM unnest(%(merchants)s::int[], %(modes)s::smallint[], %(channels)s::text[], %(addresses)s::text[])
    AS u({_KEY}) JOIN soft_bounce b USING ({_KEY}) FOR UPDATE OF b SKIP LOCKED)
"""
