"""Which calls show what was given up, and send it again?"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from techrar.core.errors import invalid
from techrar.core.ids import new_notification_id, parse_id
from techrar.merchants.auth import Principal, require
from techrar.notifications import dead_letters
from techrar.notifications.schemas import DeadLetters, ReplayIn, ReplayOut

router = Router(tags=["dead letters"])


class Call(HttpRequest):
    auth: Principal


@router.get("/dead-letters", auth=require("read"), response=DeadLetters, operation_id="list_dead_letters")
def groups(request: Call) -> dict[str, Any]:
    """Grouped by what they have in common; those already replayed are left out."""
    return {"entries": dead_letters.groups(merchant_id=request.auth.merchant_id, mode=request.auth.mode)}


@router.post("/dead-letters/replay", auth=require("send"), response=ReplayOut, operation_id="replay_dead_letters")
def replay(request: Call, payload: ReplayIn) -> dict[str, Any]:
    """Send a group, or some of it, again. Asking twice sends once."""
    if (payload.fingerprint is None) == (payload.deliveries is None):
        raise invalid("fingerprint", "group_or_deliveries", "give either fingerprint or deliveries, not both or none")
    ids = None if payload.deliveries is None else [i for text in payload.deliveries if (i := parse_id(text))]
    done = dead_letters.replay(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        fingerprint=payload.fingerprint,
        deliveries=ids,
        dry_run=payload.dry_run,
        new_id=new_notification_id,
    )
    return {
        "dry_run": payload.dry_run,
        "replayed": done.count,
        "more": done.more,
        "notifications": [str(i) for i in done.ids],
    }
