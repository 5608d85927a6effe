"""What must be true once everything has settled, and what at any moment?

After Jepsen's queue checker: what was accepted, what the vendor's own log says, and what the ledger says, side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from providers.messages import OutcomeKind
from techrar.core.records import by_name
from techrar.ledger.reconcile import reconcile
from techrar.ledger.states import State
from tests.simulation.order import beyond
from tests.simulation.server import SCHEMA
from tests.simulation.vendor import COST, FATES
from tests.support.ledger import LONG_AGO

if TYPE_CHECKING:
    from tests.simulation.world import World

S = State
UNCLEAR = {fate.word for fate in FATES if fate.kind is OutcomeKind.AMBIGUOUS}
#: Says that nothing went out, so where something may have, the row or its timeline must say so.
NOT_SENT = (S.FAILED, S.DEAD, S.SKIPPED, S.CANCELLED, S.EXPIRED)
ROWS = f"""
SELECT d.id, d.state, d.reason, d.possible_duplicate, d.cost_micros, d.attempt, d.lost_leases,
  (SELECT count(*) FROM {SCHEMA}.delivery_event e
   WHERE e.delivery_id = d.id AND (e.kind = 'unclear' OR e.reason = 'unclear')) AS unclear,
  (SELECT count(*) FROM {SCHEMA}.delivery_event e WHERE e.delivery_id = d.id
   AND (e.detail ? 'provider' OR e.kind IN ('lease_lost', 'unclear', 'dead'))) AS ends
FROM {SCHEMA}.delivery d ORDER BY d.id
"""


class Ranks:
    """What has ended only moves forward."""

    def __init__(self) -> None:
        self.ended: dict[UUID, State] = {}

    def look(self, world: World) -> None:
        rows = world.control.execute(f"SELECT id, state FROM {SCHEMA}.delivery WHERE state >= 5").fetchall()
        now = {row[0]: State(row[1]) for row in rows}
        for identifier, before in self.ended.items():
            after = now.get(identifier)
            assert after is not None, f"{identifier} was {before.word} and waits again"
            assert after in beyond(before), f"{identifier} was {before.word} and is {after.word}"
        self.ended = now


def wrong(world: World) -> list[str]:
    """Everything that is not as promised, in one sentence each."""
    rows = world.control.cursor(row_factory=by_name).execute(ROWS).fetchall()
    found = list(world.order.broken)
    found += [f"accepted and lost: {i}" for i in world.web.accepted - {r.id for r in rows}]
    found += [f"called and never accepted: {i}" for i in world.office.calls.keys() - {r.id for r in rows}]
    for row in rows:
        found += [f"{row.id}, {S(row.state).word}: {what}" for what in _of_row(world, row)]
    for table in ("envelope", "claim", "begun"):
        if n := world.one(f"SELECT count(*) FROM {SCHEMA}.{table}"):
            found.append(f"{n} rows are left in {table}")
    return found + reconcile(world.control, since=LONG_AGO).wrong


def _of_row(world: World, row: Any) -> Iterator[str]:
    if State(row.state).pending:
        yield "never ended"
    if row.ends > world.order.claims[row.id]:
        yield f"claimed {world.order.claims[row.id]} times, and {row.ends} outcomes counted"
    if row.cost_micros > COST * world.office.calls[row.id]:
        yield f"costs {row.cost_micros} micros for {world.office.calls[row.id]} calls"
    at = world.web.cancelled.get(row.id)
    if at is not None and world.office.last_call.get(row.id, 0.0) > at and not row.possible_duplicate:
        yield "called after its cancel was confirmed"
    yield from _of_its_state(world, row, S(row.state), world.office.sent[row.id])
    yield from _of_duplicates(world, row, world.office.sent[row.id])


def _of_its_state(world: World, row: Any, state: State, sent: int) -> Iterator[str]:
    """Does the state say what the vendor's log says, and no more?"""
    reasons = {
        S.FAILED: "rejected" in world.office.fates.get(row.id, ()),
        S.CANCELLED: row.id in world.web.cancelled,
        S.EXPIRED: row.id in world.web.expire,
        S.UNKNOWN: world.order.begins[row.id],
        **dict.fromkeys((S.SENT, S.DELIVERED, S.BOUNCED), sent),
    }
    if not reasons.get(state, True):
        yield "nothing that happened is a reason for that"
    if state in NOT_SENT and sent and not (row.possible_duplicate or row.unclear):
        yield f"it went out {sent} times, and nothing says that it may have"


def _of_duplicates(world: World, row: Any, sent: int) -> Iterator[str]:
    if sent > 1 and not row.possible_duplicate:
        yield f"went out {sent} times, not flagged"
    if sent > 1 + row.unclear:
        yield f"went out {sent} times, though only {row.unclear} calls had an unclear end"
    if row.possible_duplicate and not world.order.begins[row.id]:
        yield "flagged, though no call was ever begun"
    if row.unclear > world.order.begins[row.id]:
        yield f"{row.unclear} unclear ends of {world.order.begins[row.id]} calls"
    if not world.faults:
        unclear = world.office.fates.get(row.id, set()) & UNCLEAR
        if row.lost_leases:
            yield f"lost {row.lost_leases} leases, though nobody died or was away"
        if (sent > 1 or row.possible_duplicate) and not unclear:
            yield f"went out {sent} times, flagged {row.possible_duplicate}, though every call had a clear end"
