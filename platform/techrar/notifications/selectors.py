"""What became of a notification?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from techrar.core.errors import NotFound
from techrar.core.ids import floor_id, last_delivery_id, moment_of, notification_id, parse_id
from techrar.core.mode import Mode
from techrar.core.rows import rows
from techrar.ledger.states import State
from techrar.notifications import sql
from techrar.notifications.planning import Leg
from techrar.policy.priority import Priority
from techrar.templating import selectors as templates
from techrar.templating.render import compile_content, variables

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
#: A list that filters by its deliveries looks at so many notifications for one page, whatever it finds.
WINDOW = 5_000
_LAST = UUID(int=(1 << 128) - 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def overall(states: Iterable[int]) -> str:
    return min((State(s) for s in states), key=ORDER.index).word


@dataclass(frozen=True, slots=True)
class Found:
    row: Any
    deliveries: list[Any]

    def as_out(self) -> dict[str, Any]:
        row = self.row
        return {
            "id": str(row.id),
            "status": overall(d.state for d in self.deliveries),
            "scheduled_at": row.scheduled_at,
            "deliveries": [delivery_out(d) for d in self.deliveries],
            "category": row.category,
            "priority": Priority(row.priority).word,
            "recipient": row.recipient or None,
            "template": row.request.get("template"),
            "metadata": row.request["metadata"],
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
        "opened_at": row.opened_at,
        "clicked_at": row.clicked_at,
        "read_at": row.read_at,
    }


def find(text: str, *, merchant_id: int, mode: Mode) -> Found:
    """The notification of this id; also by the id of one of its deliveries."""
    identifier = parse_id(text)
    found = _with_deliveries([notification_id(identifier)], merchant_id, mode) if identifier else []
    if not found:
        raise NotFound("There is no notification with this id.")
    return found[0]


def content(found: Found) -> dict[str, dict[str, Any]]:
    """As rendered. Versions and requests do not change, so rendering again gives what was sent."""
    row = found.row
    version = row.template_version_id
    stored = templates.version_content(version).for_locale(row.locale) if version else row.request["content"]
    given = variables(row.request["data"], row.request["to"])
    return {d.channel: compile_content(d.channel, stored[d.channel]).render(given) for d in found.deliveries}


def timeline(found: Found, *, merchant_id: int, mode: Mode) -> list[dict[str, Any]]:
    """Every event of every delivery, oldest first; the first one is the acceptance itself."""
    identifier = found.row.id
    channels = {d.id: d.channel for d in found.deliveries}
    first = State.SCHEDULED if found.row.scheduled_at else State.ACCEPTED
    begun = moment_of(identifier)
    entries = [_entry(i, channel, at=begun, event=first.word, state=first) for i, channel in channels.items()]
    values = {"lo": identifier, "hi": last_delivery_id(identifier), "merchant": merchant_id, "mode": mode.code}
    return entries + [
        _entry(
            e.delivery_id,
            channels[e.delivery_id],
            at=e.at,
            event=e.kind,
            state=e.state,
            attempt=e.attempt,
            reason=e.reason,
            vendor_id=e.vendor_id,
            detail=e.detail,
        )
        for e in rows(sql.EVENTS, values)
    ]


def _entry(
    delivery: UUID,
    channel: str,
    *,
    at: datetime,
    event: str,
    state: int,
    attempt: int = 0,
    reason: str = "",
    vendor_id: str = "",
    detail: dict[str, Any] | None = None,
) -> dict[str, Any]:
    said = dict(detail or {})
    return {
        "at": at,
        "delivery": str(delivery),
        "channel": channel,
        "event": event,
        "status": State(state).word,
        "attempt": attempt,
        "reason": reason,
        "provider": said.pop("provider", None),
        "machine": said.pop("machine", None),
        "latency_ms": said.pop("latency_ms", None),
        "vendor_id": vendor_id,
        "detail": said,
    }


def page(
    *,
    merchant_id: int,
    mode: Mode,
    limit: int,
    after: UUID | None,
    since: datetime,
    status: str | None = None,
    channel: str | None = None,
    recipient: str | None = None,
    category: str | None = None,
) -> tuple[list[Found], UUID | None]:
    """Newest first, and where the next page begins. A page may hold fewer than `limit` and still have a next one."""
    filtered = status is not None or channel is not None
    most = WINDOW if filtered else limit + 1
    values = {
        "merchant": merchant_id,
        "mode": mode.code,
        "before": after or _LAST,
        "since": floor_id(max(since, _EPOCH)),
        "category": category,
        "recipient": recipient,
        "limit": most,
    }
    seen = [row.id for row in rows(sql.LISTED, values)]
    ids = seen
    if filtered and seen:
        wanted = {"state": int(State[status.upper()]) if status else None, "channel": channel, "limit": limit + 1}
        ids = [row.id for row in rows(sql.WITH_DELIVERY, {**_bounds(seen, merchant_id, mode), **wanted})]
    rest = ids[limit - 1] if len(ids) > limit else seen[-1] if filtered and len(seen) == most else None
    return _with_deliveries(ids[:limit], merchant_id, mode), rest


def _with_deliveries(ids: Sequence[UUID], merchant_id: int, mode: Mode) -> list[Found]:
    if not ids:
        return []
    values = _bounds(ids, merchant_id, mode)
    found = {row.id: Found(row, []) for row in rows(sql.NOTIFICATIONS, values)}
    for delivery in rows(sql.DELIVERIES, values) if found else []:
        found[notification_id(delivery.id)].deliveries.append(delivery)
    return list(found.values())


def _bounds(ids: Sequence[UUID], merchant_id: int, mode: Mode) -> dict[str, Any]:
    """What a query about these notifications and their deliveries must name: ids, their range, and whose they are."""
    owner = {"merchant": merchant_id, "mode": mode.code}
    return {"ids": list(ids), "lo": min(ids), "hi": last_delivery_id(max(ids)), **owner}
