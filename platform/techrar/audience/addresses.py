"""What does a vendor's word mean for the address that it is about?

For good: suppressed at once. For now: counted, and suppressed when so many messages in a row did not arrive. Free of
Django, for whoever applies receipts or writes outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from techrar.audience import sql

#: Messages that bounced for now, one after the other, until nobody tries any more.
SOFT_BOUNCES = 5


class Suppressed(NamedTuple):
    merchant_id: int
    mode: int
    channel: str
    address: str  #: in the channel's one spelling
    reason: str


class Tried(NamedTuple):
    """A message that arrived at an address, or that bounced for now."""

    merchant_id: int
    mode: int
    channel: str
    address: str
    delivery_id: UUID
    at: datetime


def columns(found: Sequence[Suppressed]) -> dict[str, Any]:
    return {**_keys(found), "reasons": [row.reason for row in found]}


async def suppress(connection: AsyncConnection[Any], found: Sequence[Suppressed]) -> None:
    """The first reason stays. Of two for one address in a batch that is the one that comes first in it.

    Once in a transaction: two statements would not write all addresses in the order of their key.
    """
    once = {row[:4]: row for row in reversed(found)}
    if once:
        await connection.execute(sql.SUPPRESS, columns(list(once.values())))
        await connection.execute(sql.END_COUNT, columns(list(once.values())))


async def count(
    connection: AsyncConnection[Any], *, bounced: Sequence[Tried], arrived: Sequence[Tried]
) -> list[Suppressed]:
    """Of which addresses is it enough now? In a transaction, before `suppress`.

    A bounce that is heard of after a later arrival counts all the same; it takes five of them.
    """
    if bounced:
        await connection.execute(sql.COUNT_ALONE)
        await connection.execute(sql.COUNT_BOUNCES, _columns(bounced))
    if arrived:
        await connection.execute(sql.FORGET_BOUNCES, _columns(arrived))
    if not bounced:
        return []
    cursor = await connection.execute(sql.ENOUGH_BOUNCES, {**_columns(bounced), "enough": SOFT_BOUNCES})
    return [Suppressed(r[0], r[1], r[2], r[3], "soft_bounced") for r in await cursor.fetchall()]


def _columns(tried: Sequence[Tried]) -> dict[str, Any]:
    return {**_keys(tried), "deliveries": [row.delivery_id for row in tried], "ats": [row.at for row in tried]}


def _keys(rows: Sequence[Suppressed] | Sequence[Tried]) -> dict[str, Any]:
    return {
        "merchants": [row.merchant_id for row in rows],
        "modes": [row.mode for row in rows],
        "channels": [row.channel for row in rows],
        "addresses": [row.address for row in rows],
    }
