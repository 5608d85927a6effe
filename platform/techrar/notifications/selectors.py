"""What became of a notification?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


from techrar.core.errors import NotFound
from techrar.core.ids import floor_id, last_delivery_id, moment_of, notification_id, parse_id
from techrar.core.mode import Mode
from techrar.core.rows import rows
from techrar.ledger.states import State
from techrar.notifications import sql
from techrar.notifications.planning import Leg, variables
from techrar.policy.priority import Priority
from techrar.templating import selectors as templates
from techrar.templating.render import compile_content

#: Of several deliveries the least finished names the notification; among finished ones the best.
ORDER = (
    State.SENDING,
    State.QUEUED,
    State.ACCEPTED,
    State.SCHEDULED,
    State.UNKNOWN,
    State.DELIVERED,
    State.SENT,
    State.BOUNCED,
    State.DEAD,
    State.FAILED,
    State.SKIPPED,
    State.EXPIRED,
    State.CANCELLED,
)


def overall(states: Sequence[int]) -> str:
    return min((State(s) for s in states), key=ORDER.index).word if states else "accepted"


@dataclass(frozen=True, slots=True)
class Found:
    row: Any
    deliveries: list[Any]

    def as_out(self) -> dict[str, Any]:
        row = self.row
        return {
            "id": str(row.id),
            "status": overall([d.state for d in self.deliveries]),
            "scheduled_at": row.scheduled_at,
            "deliveries": [delivery_out(d) for d in self.deliveries],
            "category": row.category,
            "priority": Priority(row.priority).word,
            "recipient": row.recipient or None,
            "template": row.request.get("template"),
            "metadata": row.request.get("metadata", {}),
            "created_at": moment_of(row.id),
            "resend_of": str(row.resend_of) if row.resend_of else None,
        }

    def legs(self) -> list[Leg]:
        return [Leg(d.channel, d.address) for d in self.deliveries]


def delivery_out(row: Any) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "channel": row.channel,
        "status": State(row.state).word,
        "reason": row.reason,
        "possible_duplicate": row.possible_duplicate,
        "attempts": row.attempt,
    }


def find(text: str, *, merchant_id: int, mode: Mode) -> Found:
    """The notification of this id; also by the id of one of its deliveries."""
    identifier = parse_id(text)
    if identifier is not None:
        identifier = notification_id(identifier)
        owner = {"merchant": merchant_id, "mode": mode.code}
        found = rows(sql.NOTIFICATION, {"id": identifier, **owner})
        if found:
            deliveries = rows(sql.DELIVERIES, {"lo": identifier, "hi": last_delivery_id(identifier), **owner})
            return Found(found[0], deliveries)
    raise NotFound("there is no notification with this id")


def content(found: Found) -> dict[str, dict[str, Any]]:
    """As rendered. Versions and requests do not change, so rendering again gives what was sent."""
    request = found.row.request
    version = found.row.template_version_id
    stored = templates.version_content(version).for_locale(found.row.locale) if version else request["content"]
    named = variables(request)
    return {d.channel: compile_content(d.channel, stored[d.channel]).render(named) for d in found.deliveries}


def timeline(found: Found, *, merchant_id: int, mode: Mode) -> list[dict[str, Any]]:
    """Every event of every delivery, oldest first; the first one is the acceptance itself."""
    identifier = found.row.id
    channels = {d.id: d.channel for d in found.deliveries}
    start = {"at": moment_of(identifier), "attempt": 0, "reason": "", "vendor_id": "", "detail": {}}
    first = "scheduled" if found.row.scheduled_at else "accepted"
    entries = [{**start, "delivery": str(i), "channel": c, "event": first, "status": first} for i, c in channels.items()]
    values = {"lo": identifier, "hi": last_delivery_id(identifier), "merchant": merchant_id, "mode": mode.code}
    entries += [
        {
            "at": e.at,
            "delivery": str(e.delivery_id),
            "channel": channels[e.delivery_id],
            "event": e.kind,
            "status": State(e.state).word,
            "attempt": e.attempt,
            "reason": e.reason,
            "vendor_id": e.vendor_id,
            "detail": e.detail or {},
        }
        for e in rows(sql.EVENTS, values)
    ]
    return entries


def page(
    *,
    merchant_id: int,
    mode: Mode,
    limit: int,
    after: UUID | None,
    since: datetime,
    status: str | None,
    channel: str | None,
    recipient: str | None,
    category: str | None,
) -> list[Found]:
    """Newest first, one more than the limit when there is more."""
    before = after or UUID(int=(1 << 128) - 1)
    values = {
        "merchant": merchant_id,
        "mode": mode.code,
        "before": before,
        "before_deliveries": before,
        "since": floor_id(since),
        "category": category,
        "recipient": recipient,
        "state": [int(State[status.upper()])] if status else None,
        "channel": channel,
        "limit": limit + 1,
    }
    found = rows(sql.PAGE, values)
    if not found:
        return []
    ids = [r.id for r in found]
    deliveries = rows(sql.PAGE_DELIVERIES, {"ids": ids, "lo": min(ids), "hi": last_delivery_id(max(ids))})
    of: dict[UUID, list[Any]] = {i: [] for i in ids}
    for d in deliveries:
        of[notification_id(d.id)].append(d)
    return [Found(r, of[r.id]) for r in found]
