"""Which calls send, and tell what became of it?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Header, Query, Router
from pydantic import AwareDatetime, Field

from techrar.api_schemas import PageInfo, PageQuery
from techrar.core.errors import invalid
from techrar.core.ids import delivery_id, new_notification_id, parse_id
from techrar.ledger.states import State
from techrar.merchants.auth import Principal, charge, require
from techrar.notifications import batches, selectors, services
from techrar.notifications.planning import Plan, plan
from techrar.notifications.schemas import (
    BatchIn,
    BatchOut,
    CancelOut,
    ContentOut,
    NotificationOut,
    NotificationPage,
    ResendOut,
    SendIn,
    SendOut,
    Timeline,
)

router = Router(tags=["notifications"])

IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, description="Same key, same answer.")
]
LOOK_BACK = timedelta(days=30)


class Call(HttpRequest):
    auth: Principal


class ListQuery(PageQuery):
    status: str | None = Field(None, description="A delivery state, such as `failed`.")
    channel: str | None = None
    recipient: str | None = Field(None, max_length=200)
    category: str | None = Field(None, max_length=50)
    since: AwareDatetime | None = Field(None, description="Default: 30 days ago.")


@router.post("/notifications", auth=require("send"), response={202: SendOut}, operation_id="send")
def send(request: Call, payload: SendIn, idempotency_key: IdempotencyKey = None) -> HttpResponse:
    """Send one notification now, or later with `scheduled_at`."""
    made = plan(payload, merchant_id=request.auth.merchant_id, mode=request.auth.mode, now=datetime.now(UTC))
    accepted = services.send(
        [made],
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        guard=_guard(request, "notifications", idempotency_key),
        new_id=new_notification_id,
        answer=lambda ids: sent(made, ids[0]),
    )
    return _answer(accepted)


@router.post(
    "/notifications/batch", auth=require("send", metered=False), response={202: BatchOut}, operation_id="send_batch"
)
def send_batch(request: Call, payload: BatchIn, idempotency_key: IdempotencyKey = None) -> HttpResponse:
    """Send up to 1 000. A bad item fails alone, with its index; the others go."""
    charge(request, request.auth, len(payload.messages))
    read = batches.read(payload, merchant_id=request.auth.merchant_id, mode=request.auth.mode, now=datetime.now(UTC))
    accepted = services.send(
        read.plans,
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        guard=_guard(request, "notifications/batch", idempotency_key),
        new_id=new_notification_id,
        answer=read.answer,
    )
    return _answer(accepted)


@router.get("/notifications", auth=require("read"), response=NotificationPage, operation_id="list_notifications")
def list_notifications(request: Call, query: Query[ListQuery]) -> dict[str, Any]:
    """Newest first."""
    if query.status and query.status not in {s.word for s in State}:
        raise invalid("status", "unknown_status", f"status is none of {', '.join(s.word for s in State)}")
    after = None
    if query.after is not None and (after := parse_id(query.after)) is None:
        raise invalid("after", "bad_cursor", "after is not a cursor of this list; take page_info.after of the page before")
    found = selectors.page(
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
    entries, has_more = found[: query.limit], len(found) > query.limit
    cursor = str(entries[-1].row.id) if has_more else None
    return {
        "entries": [f.as_out() for f in entries],
        "page_info": PageInfo(after=cursor, has_more=has_more),
    }


@router.get("/notifications/{id}", auth=require("read"), response=NotificationOut, operation_id="get_notification")
def get_notification(request: Call, id: str) -> dict[str, Any]:  # noqa: A002
    return _find(request, id).as_out()


@router.get("/notifications/{id}/timeline", auth=require("read"), response=Timeline, operation_id="timeline")
def timeline(request: Call, id: str) -> dict[str, Any]:  # noqa: A002
    """Every event with its time, from acceptance to the last receipt."""
    found = _find(request, id)
    entries = selectors.timeline(found, merchant_id=request.auth.merchant_id, mode=request.auth.mode)
    return {"id": str(found.row.id), "entries": entries}


@router.get("/notifications/{id}/content", auth=require("read"), response=ContentOut, operation_id="content")
def content(request: Call, id: str) -> dict[str, Any]:  # noqa: A002
    """What the recipient reads, as rendered."""
    found = _find(request, id)
    return {"id": str(found.row.id), "content": selectors.content(found)}


@router.post("/notifications/{id}/cancel", auth=require("send"), response=CancelOut, operation_id="cancel")
def cancel(request: Call, id: str) -> dict[str, Any]:  # noqa: A002
    """Stop what has not begun. 409 `already_sent` when nothing was left to stop."""
    found = _find(request, id)
    done = set(services.cancel(found.row.id, merchant_id=request.auth.merchant_id, mode=request.auth.mode))
    left = [selectors.delivery_out(d) for d in _find(request, id).deliveries if d.id not in done]
    return {"id": str(found.row.id), "cancelled": [str(i) for i in sorted(done)], "left_alone": left}


@router.post("/notifications/{id}/resend", auth=require("send"), response={202: ResendOut}, operation_id="resend")
def resend(request: Call, id: str, idempotency_key: IdempotencyKey = None) -> HttpResponse:  # noqa: A002
    """A new notification from the same request, sent now."""
    found = _find(request, id)
    made = services.again(found.row, merchant_id=request.auth.merchant_id, mode=request.auth.mode, legs=found.legs())
    accepted = services.send(
        [made],
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        guard=_guard(request, f"resend/{found.row.id}", idempotency_key),
        new_id=new_notification_id,
        answer=lambda ids: {**sent(made, ids[0]), "resend_of": str(found.row.id)},
    )
    return _answer(accepted)


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


def _guard(request: Call, endpoint: str, key: str | None) -> services.Guard | None:
    return services.Guard(endpoint, key, services.fingerprint(request.body)) if key else None


def _answer(accepted: services.Accepted) -> HttpResponse:
    response = HttpResponse(accepted.answer, status=accepted.status, content_type="application/json")
    if accepted.replayed:
        response["Idempotency-Replayed"] = "true"
    return response


