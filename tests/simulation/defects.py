"""What would be wrong if somebody took away a guard? Each defect is planted by a test, and must be found.

A simulation that never failed proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from consumers.engine import calls, outbox
from consumers.engine.intake import Intake
from techrar.dispatch import relay, sweeps
from techrar.ledger import claims
from techrar.ledger.reservations import Reservation
from techrar.receipts import apply

Plant = Callable[[pytest.MonkeyPatch], None]


def _without(module: Any, name: str, old: str, new: str, patch: pytest.MonkeyPatch) -> None:
    statement = getattr(module, name)
    assert old in statement, f"the guard is written differently now: {old}"
    patch.setattr(module, name, statement.replace(old, new))


def acknowledged_before_the_claim(patch: pytest.MonkeyPatch) -> None:
    claim_part = Intake._claim_part

    async def hasty(self: Intake, part: Any) -> None:
        for waiting in part.emptied:
            await waiting.taken.ack()
        await claim_part(self, part)

    patch.setattr(Intake, "_claim_part", hasty)


def published_before_the_reservation(patch: pytest.MonkeyPatch) -> None:
    reserve, made_by = relay.Relay._reserve, []

    def later(self: relay.Relay, flow: Any, pace: Any, limit: int, now: float) -> list[Reservation]:
        rows = self.connection.execute(
            "SELECT id FROM delivery WHERE flow_id = %s AND relay_at IS NOT NULL ORDER BY id LIMIT %s", (flow.id, limit)
        ).fetchall()
        made_by.append(self.new_id())
        if rows:
            lane = relay.lane_of(flow.channel, flow.birth_priority)
            ids = [row[0] for row in rows]
            self.publisher.publish([relay.Envelope(made_by[-1], flow.id, lane, 1, ids)], deadline=5.0)
        return reserve(self, flow, pace, limit, now)

    patch.setattr(relay.Relay, "_reserve", later)


def called_before_the_begin(patch: pytest.MonkeyPatch) -> None:
    async def later(connection: Any, *, claims: Sequence[UUID], ids: Sequence[UUID], margin: float) -> set[UUID]:
        return set(claims)

    patch.setattr(calls.claims, "begin", later)


DEFECTS: dict[str, Plant] = {
    "an outcome without a fence": partial(_without, outbox, "APPLY", "ELSE t.held_by = o.fence END", "ELSE true END"),
    "an acknowledgement before the claim": acknowledged_before_the_claim,
    "a publish before the reservation": published_before_the_reservation,
    "a call before its begin": called_before_the_begin,
    "a claim of rows that others hold": partial(
        _without, claims, "CLAIM", "AND t.held_by = ANY(%(envelopes)s::uuid[])", ""
    ),
    "a sweeper that forgets what was begun": partial(
        _without, sweeps, "LOST_CLAIMS", "FROM begun b WHERE", "FROM begun b WHERE false AND"
    ),
    "a sweeper that takes living claims": partial(
        _without, sweeps, "LOST_CLAIMS", "c.lease_until < now()", "now() < now() + interval '1 hour'"
    ),
    "a lost count": partial(_without, outbox, "APPLY", "-1 AS n, -old_cost", "0 AS n, -old_cost"),
    "a lost cost": partial(_without, apply, "APPLY", "-1 AS n, -old_cost", "-1 AS n, 0"),
    "a receipt that moves backwards": partial(_without, apply, "APPLY", "(7, 8)", "(7, 8), (7, 6), (8, 6)"),
    "an envelope that is never looked for": lambda patch: patch.setattr(sweeps, "envelopes", lambda connection: 0),
}
