"""What did a crash leave behind, and where does it belong?

Each sweep is safe to run at any time, by any number of dispatchers, beside working consumers: rows are locked with
SKIP LOCKED, and a row moves only while it is still held by what was lost.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from techrar.core.records import by_name
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.partitions import span
from techrar.ledger.reservations import give_back
from techrar.ledger.states import State, sources
from techrar.ledger.tallies import any_shard
from techrar.policy.categories import category
from techrar.policy.decide import POISON_AFTER
from techrar.policy.priority import Priority
from techrar.policy.retry import DELAYS

log = logging.getLogger(__name__)

#: A consumer that was cut off from the database gets this long to write what it knows, once both are back.
LEASE_GRACE = 10.0

OVERDUE_ENVELOPES = """
SELECT id FROM envelope WHERE check_at <= now() ORDER BY check_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""

#: Not locked: a late outcome ends its claim with rows locked, so whoever locks the claim first would be in its way. The
#: fence lets only one of them, or of two sweepers, move a row.
LOST_CLAIMS = """
SELECT c.id, c.process, c.ids,
  ARRAY(SELECT unnest(b.ids) FROM begun b WHERE b.claim_id = c.id) AS begun
FROM claim c WHERE c.lease_until < now() - %(grace)s * interval '1 second'
ORDER BY c.lease_until LIMIT 20
"""

HELD = """
SELECT id, category, priority, attempt, lost_leases FROM delivery
WHERE id = ANY(%(ids)s) AND id BETWEEN %(lo)s AND %(hi)s AND held_by = %(claim)s
"""

OVERDUE_EXPIRY = """
SELECT id FROM delivery WHERE expires_at > %(since)s AND expires_at <= %(until)s AND state = ANY(%(states)s)
ORDER BY expires_at LIMIT %(limit)s
"""


def envelopes(connection: Connection[Any], *, limit: int = 200) -> int:
    """Envelopes that nobody claimed in time: their rows go back to the line, and are published anew."""
    with connection.transaction():
        overdue = [row[0] for row in connection.execute(OVERDUE_ENVELOPES, {"limit": limit})]
        back = give_back(connection, overdue)
    if back:
        log.warning("%d deliveries of %d envelopes were not claimed in time and go out again", back, len(overdue))
    return len(overdue)


def leases(connection: Connection[Any]) -> int:
    """Claims whose process is gone: begun rows have an unknown end, the others go back unharmed."""
    with connection.transaction(), connection.cursor(row_factory=by_name) as cursor:
        lost = cursor.execute(LOST_CLAIMS, {"grace": LEASE_GRACE}).fetchall()
        moves: list[Move] = []
        for claim in lost:
            lo, hi = span(claim.ids)
            bounds = {"ids": claim.ids, "lo": lo, "hi": hi, "claim": claim.id}
            begun = set(claim.begun)
            held = cursor.execute(HELD, bounds).fetchall()
            moves += [lost_row(row, begun=row.id in begun, fence=claim.id) for row in held]
            called = sum(row.id in begun for row in held)
            log.warning("the lease of %s ran out with %d rows, %d of them begun", claim.process, len(held), called)
        gone = [claim.id for claim in lost]
        if moves:
            cursor.execute(APPLY, parameters(moves, shard=any_shard(), done=gone))
        elif gone:
            cursor.execute("DELETE FROM claim WHERE id = ANY(%s)", (gone,))
            cursor.execute("DELETE FROM begun WHERE claim_id = ANY(%s)", (gone,))
    return len(lost)


def lost_row(row: Any, *, begun: bool, fence: UUID) -> Move:
    """Where a row of a lost lease belongs."""
    losses = row.lost_leases + 1
    if losses >= POISON_AFTER:
        return Move(row.id, State.DEAD, kind="dead", fence=fence, reason="poison", lost_leases=losses)
    if not begun:
        return Move(row.id, State.ACCEPTED, kind="lease_lost", fence=fence, reason="not_called", lost_leases=losses)
    attempts = len(DELAYS[Priority(row.priority)]) + 1
    if category(row.category).resend_unclear and row.attempt + 1 < attempts:
        return Move(
            row.id,
            State.ACCEPTED,
            kind="lease_lost",
            fence=fence,
            reason="unclear",
            lost_leases=losses,
            attempt=row.attempt + 1,
            possible_duplicate=True,
        )
    return Move(
        row.id,
        State.UNKNOWN,
        kind="unclear",
        fence=fence,
        reason="unclear",
        lost_leases=losses,
        attempt=row.attempt + 1,
    )


def expiries(connection: Connection[Any], *, since: datetime, until: datetime, limit: int = 5000) -> int:
    """Whatever became useless while it waited. What is being sent right now is policy's, after this attempt."""
    states = [int(s) for s in sources(State.EXPIRED) if s is not State.SENDING]
    values = {"since": since, "until": until, "states": states, "limit": limit}
    ids = [row[0] for row in connection.execute(OVERDUE_EXPIRY, values)]
    return len(apply(connection, [Move(i, State.EXPIRED, kind="expired", reason="expired") for i in ids])) if ids else 0


def old_keys(connection: Connection[Any], *, hours: int = 72) -> int:
    """Idempotency keys past their promise."""
    return connection.execute(
        "DELETE FROM idempotency WHERE (merchant_id, mode, endpoint, key) IN ("
        "SELECT merchant_id, mode, endpoint, key FROM idempotency WHERE created_at < now() - %s LIMIT 10000)",
        (timedelta(hours=hours),),
    ).rowcount


def apply(connection: Connection[Any], moves: Sequence[Move]) -> list[Any]:
    return connection.execute(APPLY, parameters(moves, shard=any_shard())).fetchall()
