"""Who may send which deliveries now, and until when?

A claim is a fenced lease: `claim` moves queued rows that an envelope holds to `sending` and returns what policy must
know; `begin` notes, before the calls, which of them may have been called. A claim whose lease runs out is the
sweeper's: rows that were begun have an unknown end, the others go back as if nothing had been.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from techrar.audience.sql import SUPPRESSED
from techrar.core.ids import notification_id
from techrar.core.records import by_name
from techrar.ledger.arrays import uuids
from techrar.ledger.flows import BRAKED, FlowState
from techrar.ledger.partitions import span
from techrar.ledger.states import State

#: Renewed every third of it while a process lives, so that a dead one's rows are found soon.
LEASE_SECONDS = 45.0
#: A call is not begun with less than this left.
LEASE_MARGIN = 10.0

CLAIM = f"""
WITH t AS MATERIALIZED (
  SELECT id, state, held_by FROM delivery
  WHERE id = ANY(%(ids)s::uuid[]) AND id BETWEEN %(lo)s AND %(hi)s
  ORDER BY id FOR UPDATE
), moved AS (
  UPDATE delivery d SET state = {State.SENDING:d}, held_by = %(claim)s
  FROM t WHERE d.id = t.id AND t.state = {State.QUEUED:d} AND t.held_by = ANY(%(envelopes)s::uuid[])
    AND d.id BETWEEN %(lo)s AND %(hi)s
  RETURNING d.id, d.merchant_id, d.mode, d.channel, d.category, d.priority, d.address, d.attempt, d.lost_leases,
    d.run_id, d.variant, d.flow_id, d.recipient_id, d.expires_at
), runs AS MATERIALIZED (
  -- Once for each flow, not for each row.
  SELECT f.id, CASE WHEN {BRAKED} THEN {FlowState.PAUSED:d} ELSE f.state END AS state
  FROM flow f WHERE f.id IN (SELECT flow_id FROM moved)
), leased AS (
  INSERT INTO claim (id, process, lease_until, ids)
  SELECT %(claim)s, %(process)s, now() + %(lease)s * interval '1 second', array_agg(id ORDER BY id) FROM moved
  HAVING count(*) > 0
), emptied AS (
  -- What a sweeper has locked it will delete itself; waiting for it with rows locked would be a deadlock.
  DELETE FROM envelope WHERE id IN (
    SELECT id FROM envelope WHERE id = ANY(%(emptied)s::uuid[]) FOR UPDATE SKIP LOCKED)
)
SELECT m.id, m.merchant_id, m.mode, m.channel, m.category, m.priority, m.address, m.attempt, m.lost_leases, m.run_id,
  m.variant, m.flow_id, m.recipient_id, extract(epoch FROM m.expires_at - now())::float8 AS expires_in,
  r.state AS flow_state,
  {SUPPRESSED.format(merchant="m.merchant_id", mode="m.mode", channel="m.channel", address="m.address")} AS suppressed
FROM moved m JOIN runs r ON r.id = m.flow_id ORDER BY m.id
"""

REQUESTS = """
SELECT id, request, template_version_id, locale FROM notification
WHERE id = ANY(%(ids)s::uuid[]) AND id BETWEEN %(lo)s AND %(hi)s
"""

BEGIN = """
INSERT INTO begun (claim_id, ids)
SELECT c.id, array_agg(b.id) FROM unnest(%(claims)s::uuid[], %(ids)s::uuid[]) AS b(claim_id, id)
JOIN claim c ON c.id = b.claim_id AND c.lease_until > now() + %(margin)s * interval '1 second'
GROUP BY c.id RETURNING claim_id
"""

#: Flows that were paused, cancelled or braked after their rows were claimed.
HALTED = f"""
SELECT f.id FROM flow f WHERE f.id = ANY(%(flows)s::bigint[]) AND (f.state <> {FlowState.ACTIVE:d} OR {BRAKED})
"""

RENEW = """
UPDATE claim SET lease_until = now() + %(lease)s * interval '1 second'
WHERE id = ANY(%(claims)s::uuid[]) AND lease_until > now() RETURNING id
"""


async def claim(
    connection: AsyncConnection[Any],
    *,
    claim_id: UUID,
    ids: Sequence[UUID],
    envelopes: Sequence[UUID],
    emptied: Sequence[UUID],
    process: str,
    lease: float = LEASE_SECONDS,
) -> list[Any]:
    """Take what can start now of these envelopes, and forget the emptied ones.

    Rows come back in id order; what is missing was cancelled, sent or taken by another.
    """
    cursor = connection.cursor(row_factory=by_name)
    lo, hi = span(ids)
    await cursor.execute(
        CLAIM,
        {
            "ids": uuids(ids),
            "envelopes": uuids(envelopes),
            "lo": lo,
            "hi": hi,
            "claim": claim_id,
            "process": process,
            "lease": lease,
            "emptied": uuids(emptied),
        },
    )
    return await cursor.fetchall()


async def requests(connection: AsyncConnection[Any], deliveries: Sequence[UUID]) -> dict[UUID, Any]:
    """What the merchant asked for, by notification, for deliveries that came through the API."""
    wanted = sorted({notification_id(d) for d in deliveries})
    if not wanted:
        return {}
    cursor = connection.cursor(row_factory=by_name)
    lo, hi = span(wanted)
    await cursor.execute(REQUESTS, {"ids": uuids(wanted), "lo": lo, "hi": hi})
    return {row.id: row for row in await cursor.fetchall()}


async def begin(
    connection: AsyncConnection[Any], *, claims: Sequence[UUID], ids: Sequence[UUID], margin: float
) -> set[UUID]:
    """Note that these rows may be called from now on. Answers the claims with enough lease left; call no others."""
    cursor = await connection.execute(BEGIN, {"claims": uuids(claims), "ids": uuids(ids), "margin": margin})
    return {row[0] for row in await cursor.fetchall()}


async def renew(connection: AsyncConnection[Any], *, claims: Sequence[UUID], lease: float = LEASE_SECONDS) -> set[UUID]:
    """Keep claims whose calls still run. Answers those that are still ours."""
    cursor = await connection.execute(RENEW, {"claims": uuids(claims), "lease": lease})
    return {row[0] for row in await cursor.fetchall()}


async def halted(connection: AsyncConnection[Any], *, flows: Sequence[int]) -> set[int]:
    """Which of these flows may not be sent any more?"""
    cursor = await connection.execute(HALTED, {"flows": list(flows)})
    return {row[0] for row in await cursor.fetchall()}
