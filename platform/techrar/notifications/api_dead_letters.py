"""Which calls show what was given up, and send it again?"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ninja import Query, Router

from techrar.api_schemas import PageQuery
from techrar.core.errors import invalid
from techrar.core.ids import new_notification_id, parse_id
from techrar.merchants.api import Call
from techrar.merchants.auth import require
from techrar.notifications import answers, dead_letters
from techrar.notifications.schemas import ReplayIn

router = Router(tags=["dead letters"])


@router.get("/dead-letters", auth=require("read"), response=answers.DeadLetters, operation_id="list_dead_letters")
def list_dead_letters(request: Call, query: Query[PageQuery]) -> dict[str, Any]:
    """Grouped by what they have in common, the largest group first; those already replayed are left out."""
    after = None
    if query.after is not None and (after := dead_letters.Cursor.read(query.after)) is None:
        raise invalid("after", "unknown_cursor", "Use the `after` of the page before, unchanged.")
    entries, has_more = dead_letters.groups(
        merchant_id=request.auth.merchant_id, mode=request.auth.mode, limit=query.limit, after=after
    )
    rest = str(dead_letters.Cursor(entries[-1].count, entries[-1].fingerprint)) if has_more else None
    return {"entries": entries, "page_info": {"after": rest, "has_more": has_more}}


@router.post(
    "/dead-letters/replay", auth=require("send"), response=answers.ReplayOut, operation_id="replay_dead_letters"
)
def replay_dead_letters(request: Call, payload: ReplayIn) -> dict[str, Any]:
    """Send a group, or some of it, again, at most 1 000 at a time. Each dead letter is replayed once."""
    if (payload.fingerprint is None) == (payload.deliveries is None):
        raise invalid("fingerprint", "group_or_deliveries", "Give either `fingerprint` or `deliveries`.")
    ids = None
    if payload.deliveries is not None:
        ids = [_delivery(text, place) for place, text in enumerate(payload.deliveries)]
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
        "replayed": len(done.chosen),
        "more": done.more,
        "notifications": [str(i) for i in done.notifications],
        "left_out": [str(i) for i in ids or () if i not in done.chosen],
    }


def _delivery(text: str, place: int) -> UUID:
    found = parse_id(text)
    if found is None:
        raise invalid(f"deliveries.{place}", "invalid", "Must be the id of a delivery.")
    return found
