"""Which due deliveries leave the ledger next, and what happens to those the broker did not take?

Reserve first, commit, then publish: a reserved row names its envelope, and the envelope's row stays until each of
its ids is claimed or refused. So whatever is lost between here and a consumer is found again by the sweeper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

from techrar.ledger.arrays import uuids
from techrar.ledger.partitions import span
from techrar.ledger.states import State

#: From this many lost leases on a row travels alone, so that it cannot take others down with it.
SOLO_AFTER = 2

PICK = """
SELECT id, lost_leases FROM delivery
WHERE flow_id = %(flow)s AND relay_at IS NOT NULL AND id > %(after)s
ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""

RESERVE = f"""
WITH w AS MATERIALIZED (
  SELECT * FROM unnest(%(ids)s::uuid[], %(held_by)s::uuid[]) AS w(id, held_by)
), t AS MATERIALIZED (
  SELECT id FROM delivery WHERE id = ANY(%(ids)s::uuid[]) AND id BETWEEN %(lo)s AND %(hi)s
)
UPDATE delivery d SET state = {State.QUEUED:d}, relay_at = NULL, held_by = w.held_by
FROM t JOIN w USING (id) WHERE d.id = t.id AND d.id BETWEEN %(lo)s AND %(hi)s
"""

INSERT_ENVELOPES = """
INSERT INTO envelope (id, flow_id, lane, priority, solo, n, check_at, ids)
VALUES (%(id)s, %(flow)s, %(lane)s, %(priority)s, %(solo)s, %(n)s, now() + %(check)s * interval '1 second', %(ids)s)
"""

GIVE_BACK = f"""
WITH e AS MATERIALIZED (
  DELETE FROM envelope WHERE id = ANY(%(envelopes)s::uuid[]) RETURNING id, flow_id, n, on_ladder, ids
), r AS MATERIALIZED (
  SELECT unnest(ids) AS id FROM e
), span AS MATERIALIZED (
  SELECT (SELECT id FROM r ORDER BY id LIMIT 1) AS lo, (SELECT id FROM r ORDER BY id DESC LIMIT 1) AS hi
), t AS MATERIALIZED (
  SELECT id, state, held_by FROM delivery WHERE id = ANY(ARRAY(SELECT id FROM r))
    AND id BETWEEN (SELECT lo FROM span) AND (SELECT hi FROM span)
  ORDER BY id FOR UPDATE
), counted AS (
  -- So that the relay does not take for claimed what only came back.
  UPDATE flow f SET given_back = f.given_back + c.n
  FROM (SELECT flow_id, sum(n) AS n FROM e WHERE NOT on_ladder GROUP BY flow_id) c WHERE f.id = c.flow_id
)
UPDATE delivery d SET state = {State.ACCEPTED:d}, relay_at = now(), held_by = NULL
FROM t JOIN e ON e.id = t.held_by
WHERE d.id = t.id AND t.state = {State.QUEUED:d} AND d.id BETWEEN (SELECT lo FROM span) AND (SELECT hi FROM span)
"""


@dataclass(frozen=True, slots=True)
class Reservation:
    """One envelope to be: a publish id and the ids it holds."""

    publish_id: UUID
    ids: tuple[UUID, ...]
    solo: bool


def group(picked: Sequence[tuple[UUID, int]], *, size: int, new_id: Callable[[], UUID]) -> list[Reservation]:
    """Cut what was picked into envelopes; rows that lost leases before travel alone."""
    well = [identifier for identifier, lost in picked if lost < SOLO_AFTER]
    cut = [Reservation(new_id(), tuple(well[i : i + size]), solo=False) for i in range(0, len(well), size)]
    return cut + [Reservation(new_id(), (i,), solo=True) for i, lost in picked if lost >= SOLO_AFTER]


def reserve(
    connection: Connection[Any],
    *,
    flow: int,
    lane: str,
    priority: int,
    after: UUID,
    limit: int,
    size: int,
    check: float,
    new_id: Callable[[], UUID],
) -> list[Reservation]:
    """Move up to `limit` due rows of a flow to `queued`, committed when this returns."""
    with connection.transaction():
        picked = connection.execute(PICK, {"flow": flow, "after": after, "limit": limit}).fetchall()
        if not picked:
            return []
        made = group(picked, size=size, new_id=new_id)
        ids = [i for r in made for i in r.ids]
        with connection.pipeline(), connection.cursor() as cursor:
            held_by = [r.publish_id for r in made for _ in r.ids]
            lo, hi = span(ids)
            cursor.execute(RESERVE, {"ids": uuids(ids), "held_by": uuids(held_by), "lo": lo, "hi": hi})
            for r in made:
                cursor.execute(
                    INSERT_ENVELOPES,
                    {
                        "id": r.publish_id,
                        "flow": flow,
                        "lane": lane,
                        "priority": priority,
                        "solo": r.solo,
                        "n": len(r.ids),
                        "check": check,
                        "ids": uuids(r.ids),
                    },
                )
    return made


def give_back(connection: Connection[Any], envelopes: Sequence[UUID]) -> int:
    """Return what these envelopes still hold to the line. Safe at any time: a claimed row is no longer theirs."""
    if not envelopes:
        return 0
    with connection.transaction():
        return connection.execute(GIVE_BACK, {"envelopes": uuids(envelopes)}).rowcount
