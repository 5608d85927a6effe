"""What do receipts say about the addresses that messages went to?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from providers.base import Reason, ReceiptKind
from techrar.audience.addresses import Suppressed, Tried, count, suppress


async def heed(connection: AsyncConnection[Any], receipts: Iterable[Any], owners: Mapping[UUID, Any]) -> None:
    """Suppress and count, in the transaction that applies the receipts.

    Before any counter of the ledger is bumped: whoever waits here for somebody who suppresses the same address must
    hold nothing that this one waits for.
    """
    for_good: list[Suppressed] = []
    bounced: list[Tried] = []
    arrived: list[Tried] = []
    for r in sorted(receipts, key=lambda r: (r.at, r.id)):
        owner = owners[r.delivery_id]
        address = (owner.merchant_id, owner.mode, owner.channel, owner.address)
        if reason := why_not_again(r.kind, r.reason, permanent=r.permanent):
            for_good.append(Suppressed(*address, reason))
        elif r.kind == ReceiptKind.BOUNCED:
            bounced.append(Tried(*address, r.delivery_id, r.at))
        elif r.kind == ReceiptKind.DELIVERED:
            arrived.append(Tried(*address, r.delivery_id, r.at))
    enough = await count(connection, bounced=bounced, arrived=arrived)
    await suppress(connection, [*for_good, *enough])


def why_not_again(kind: str, reason: str, *, permanent: bool) -> str:
    """The suppression's reason; empty when the address may be written to again."""
    if kind == ReceiptKind.COMPLAINED:
        return "complaint"
    if kind == ReceiptKind.UNSUBSCRIBED:
        return "unsubscribed"
    if kind == ReceiptKind.BOUNCED and permanent:
        return "unsubscribed" if reason == Reason.UNSUBSCRIBED else "bounced"
    return ""
