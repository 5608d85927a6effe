"""Which calls tell the service whom a merchant talks to, and whom it must not write to any more?"""

from __future__ import annotations

from typing import Any

from ninja import Query, Router, Status

from providers.registry import channels
from techrar.api_schemas import Page, PageInfo, PageQuery
from techrar.audience import bulk, fields, selectors, services
from techrar.audience.schemas import (
    BulkIn,
    BulkOut,
    RecipientIn,
    RecipientOut,
    SuppressIn,
    SuppressionOut,
    SuppressionQuery,
)
from techrar.core.errors import NotFound, invalid
from techrar.merchants.api import Call
from techrar.merchants.auth import charge, require
from techrar.merchants.rates import batch_units

router = Router(tags=["audience"])


@router.post(
    "/recipients/bulk", auth=require("audience", metered=False), response=BulkOut, operation_id="bulk_recipients"
)
def bulk_recipients(request: Call, payload: BulkIn) -> dict[str, Any]:
    """Create or update up to 1 000. A bad item fails alone, with its index; the others are written."""
    charge(request, request.auth, batch_units(len(payload.recipients)))
    read = bulk.read(payload)
    created = services.upsert(
        merchant_id=request.auth.merchant_id, mode=request.auth.mode, recipients=list(read.good.values())
    )
    return read.answer(created)


@router.put(
    "/recipients/{external_id}",
    auth=require("audience"),
    response={200: RecipientOut, 201: RecipientOut},
    operation_id="put_recipient",
)
def put_recipient(request: Call, external_id: str, payload: RecipientIn) -> Status[RecipientOut]:
    """Create or update. What is left out stays as it is, null empties it, attributes are merged."""
    if len(external_id) > 200:
        raise invalid("external_id", "too_long", "Must have at most 200 characters.")
    merchant_id, mode = request.auth.merchant_id, request.auth.mode
    given = fields.normalise(payload.model_dump(exclude_unset=True))
    created = services.upsert(merchant_id=merchant_id, mode=mode, recipients=[(external_id, given)])
    row = selectors.recipient(merchant_id=merchant_id, mode=mode, external_id=external_id)
    return Status(201 if created else 200, RecipientOut.of(row))


@router.get("/recipients", auth=require("read"), response=Page[RecipientOut], operation_id="list_recipients")
def list_recipients(request: Call, page: Query[PageQuery]) -> Page[RecipientOut]:
    """By their external id."""
    rows, has_more = selectors.recipients_page(
        merchant_id=request.auth.merchant_id, mode=request.auth.mode, limit=page.limit, after=page.after
    )
    after = rows[-1].external_id if has_more else None
    return Page(entries=[RecipientOut.of(row) for row in rows], page_info=PageInfo(after=after, has_more=has_more))


@router.get("/recipients/{external_id}", auth=require("read"), response=RecipientOut, operation_id="get_recipient")
def get_recipient(request: Call, external_id: str) -> RecipientOut:
    row = selectors.recipient(merchant_id=request.auth.merchant_id, mode=request.auth.mode, external_id=external_id)
    return RecipientOut.of(row)


@router.post(
    "/suppressions",
    auth=require("audience"),
    response={200: SuppressionOut, 201: SuppressionOut},
    operation_id="suppress",
)
def suppress(request: Call, payload: SuppressIn) -> Status[SuppressionOut]:
    """Nothing is sent to this address any more, not even what was accepted before."""
    known = channels()
    if payload.channel not in known:
        raise invalid("channel", "unknown_channel", f"Must be one of {', '.join(known)}.")
    try:
        address = known[payload.channel].normalise(payload.address)
    except ValueError as error:
        raise invalid("address", "bad_address", str(error)) from None
    merchant_id, mode, channel = request.auth.merchant_id, request.auth.mode, payload.channel
    made = services.suppress(merchant_id=merchant_id, mode=mode, addresses=[(channel, address, payload.reason)])
    row = selectors.suppression(merchant_id=merchant_id, mode=mode, channel=channel, address=address)
    return Status(201 if made else 200, SuppressionOut.of(row))


@router.get("/suppressions", auth=require("read"), response=Page[SuppressionOut], operation_id="list_suppressions")
def list_suppressions(request: Call, query: Query[SuppressionQuery]) -> Page[SuppressionOut]:
    """Newest first."""
    if query.channel is not None and query.channel not in channels():
        raise invalid("channel", "not_allowed", f"Must be one of {', '.join(channels())}.")
    rows, has_more = selectors.suppressions_page(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        channel=query.channel,
        limit=query.limit,
        after=query.after,
    )
    after = str(rows[-1].id) if has_more else None
    return Page(entries=[SuppressionOut.of(row) for row in rows], page_info=PageInfo(after=after, has_more=has_more))


@router.delete(
    "/suppressions/{suppression_id}", auth=require("audience"), response={204: None}, operation_id="unsuppress"
)
def unsuppress(request: Call, suppression_id: str) -> Status[None]:
    """The address may be written to again."""
    if not suppression_id.isdecimal() or len(suppression_id) > 18:
        raise NotFound("There is no suppression with this id.")
    services.unsuppress(
        merchant_id=request.auth.merchant_id, mode=request.auth.mode, suppression_id=int(suppression_id)
    )
    return Status(204, None)
