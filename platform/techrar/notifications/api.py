"""Which calls send, and tell what became of it?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router

from providers.registry import channels
from techrar.core.errors import Problem, invalid
from techrar.core.ids import delivery_id, new_notification_id, parse_id
from techrar.ledger import idempotency
from techrar.ledger.idempotency import guard_of, guards_itself
from techrar.ledger.states import State
from techrar.merchants.api import Call
from techrar.merchants.auth import charge, require
from techrar.merchants.rates import batch_units
from techrar.notifications import answers, batches, selectors, services
from techrar.notifications.lookups import Lookups
from techrar.notifications.planning import Plan, plan
from techrar.notifications.schemas import STATES, BatchIn, ListQuery, SendIn
from techrar.policy.categories import CATEGORIES

router = Router(tags=["notifications"])

LOOK_BACK = timedelta(days=30)


@router.post("/notifications", auth=require("send"), response={202: answers.SendOut}, operation_id="send")
@guards_itself
def send(request: Call, payload: SendIn) -> HttpResponse:
    """Send one notification now, or later with `scheduled_at`."""
    guard = guard_of(request, "send")
    try:
        made = plan(payload, look=_lookups(request))
    except Problem:
        # What was accepted once stays accepted, even if the same request would be refused by now.
        if earlier := idempotency.find(guard):
            return earlier.response()
        raise
    return services.send(
        [made],
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        guard=guard,
        new_id=new_notification_id,
        answer=lambda ids: sent(made, ids[0]),
    ).response()


@router.post(
    "/notifications/batch",
    auth=require("send", metered=False),
    response={202: answers.BatchOut},
    operation_id="send_batch",
)
@guards_itself
def send_batch(request: Call, payload: BatchIn) -> HttpResponse:
    """Send up to 1 000. A bad item fails alone, with its index; the others go."""
    charge(request, request.auth, batch_units(len(payload.messages)))
    read = batches.read(payload, look=_lookups(request))
    return services.send(
        read.plans,
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        guard=guard_of(request, "send_batch"),
        new_id=new_notification_id,
        answer=read.answer,
    ).response()


@router.get(
    "/notifications", auth=require("read"), response=answers.NotificationPage, operation_id="list_notifications"
)
def list_notifications(request: Call, query: Query[ListQuery]) -> dict[str, Any]:
    """Newest first. A page may hold fewer than `limit` and still have a next one: `has_more` says so."""
    for name, words in {"status": STATES, "channel": tuple(channels()), "category": tuple(CATEGORIES)}.items():
        if getattr(query, name) not in (None, *words):
            raise invalid(name, "not_allowed", f"Must be one of {', '.join(words)}.")
    after = None
    if query.after is not None and (after := parse_id(query.after)) is None:
        raise invalid("after", "unknown_cursor", "Use the `after` of the page before, unchanged.")
    found, rest = selectors.page(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        limit=query.limit,
        after=after,
        since=query.since or datetime.now(UTC) - LOOK_BACK,
        status=query.status,
        channel=query.channel,
        recipient=query.recipient,
        category=query.category,
    )
    page_info = {"after": str(rest) if rest else None, "has_more": rest is not None}
    return {"entries": [f.as_out() for f in found], "page_info": page_info}


@router.get(
    "/notifications/{notification_id}",
    auth=require("read"),
    response=answers.NotificationOut,
    operation_id="get_notification",
)
def get_notification(request: Call, notification_id: str) -> dict[str, Any]:
    """Where it stands; also by the id of one of its deliveries."""
    return _find(request, notification_id).as_out()


@router.get(
    "/notifications/{notification_id}/timeline",
    auth=require("read"),
    response=answers.Timeline,
    operation_id="timeline",
)
def timeline(request: Call, notification_id: str) -> dict[str, Any]:
    """Every event with its time, from acceptance to the last receipt."""
    found = _find(request, notification_id)
    entries = selectors.timeline(found, merchant_id=request.auth.merchant_id, mode=request.auth.mode)
    return {"id": str(found.row.id), "entries": entries}


@router.get(
    "/notifications/{notification_id}/content",
    auth=require("read"),
    response=answers.ContentOut,
    operation_id="content",
)
def content(request: Call, notification_id: str) -> dict[str, Any]:
    """What the recipient reads, as rendered."""
    found = _find(request, notification_id)
    return {"id": str(found.row.id), "content": selectors.content(found)}


@router.post(
    "/notifications/{notification_id}/cancel",
    auth=require("send"),
    response=answers.CancelOut,
    operation_id="cancel",
)
def cancel(request: Call, notification_id: str) -> dict[str, Any]:
    """Stop what has not begun. 409 `already_sent` when nothing was left to stop."""
    done = services.cancel(_find(request, notification_id).deliveries)
    now = _find(request, notification_id)
    left = [selectors.delivery_out(d) for d in now.deliveries if d.id not in done]
    return {"id": str(now.row.id), "cancelled": [str(i) for i in sorted(done)], "left_alone": left}


@router.post(
    "/notifications/{notification_id}/resend",
    auth=require("send"),
    response={202: answers.ResendOut},
    operation_id="resend",
)
@guards_itself
def resend(request: Call, notification_id: str) -> HttpResponse:
    """A new notification from the same request, to the same addresses, now."""
    found = _find(request, notification_id)
    made = services.again(found.row, merchant_id=request.auth.merchant_id, mode=request.auth.mode, legs=found.legs())
    return services.send(
        [made],
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        guard=guard_of(request, "resend"),
        new_id=new_notification_id,
        answer=lambda ids: {**sent(made, ids[0]), "resend_of": str(found.row.id)},
    ).response()


def sent(made: Plan, identifier: UUID) -> dict[str, Any]:
    """How a send is answered, before anything has happened to it."""
    status = (State.SCHEDULED if made.scheduled_at else State.ACCEPTED).word
    return {
        "id": str(identifier),
        "status": status,
        "scheduled_at": made.scheduled_at,
        "deliveries": [
            {"id": str(delivery_id(identifier, n)), "channel": leg.channel, "status": status}
            for n, leg in enumerate(made.legs, start=1)
        ],
    }


def _find(request: Call, text: str) -> selectors.Found:
    return selectors.find(text, merchant_id=request.auth.merchant_id, mode=request.auth.mode)


def _lookups(request: Call) -> Lookups:
    return Lookups(merchant_id=request.auth.merchant_id, mode=request.auth.mode, now=datetime.now(UTC))
