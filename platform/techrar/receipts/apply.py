"""What does a batch of receipts change?

State moves forward only and every receipt leaves its line in the timeline, however often, however late and in
whatever order vendors say it. A receipt whose delivery is not known yet is kept and tried again for 72 hours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from providers.base import ReceiptKind
from techrar.core.records import by_name
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.partitions import span
from techrar.ledger.states import State
from techrar.receipts import sql
from techrar.receipts.addresses import heed

MOVES = {
    ReceiptKind.SENT: State.SENT,
    ReceiptKind.DELIVERED: State.DELIVERED,
    ReceiptKind.BOUNCED: State.BOUNCED,
}
TRACED = (ReceiptKind.OPENED, ReceiptKind.CLICKED)
#: A person does not open a message within so many seconds of its arrival, nor follow so many of its links in as many.
AT_ONCE = 2.0
MANY_LINKS = 3


async def apply(
    connection: AsyncConnection[Any],
    *,
    shard: int,
    limit: int = 500,
    applied: Callable[[Collection[tuple[int, int]]], None] | None = None,
) -> int:
    """Apply what waits; answers how many receipts were looked at, and tells `applied` whose runs have moved."""
    async with connection.transaction():
        cursor = connection.cursor(row_factory=by_name)
        await cursor.execute(sql.PICK, {"limit": limit})
        picked = await cursor.fetchall()
        if not picked:
            return 0
        owners = await _owners(connection, [r.delivery_id for r in picked if r.delivery_id])
        found = [r for r in picked if _same(owners.get(r.delivery_id), r)]
        await heed(connection, found, owners)
        fast = await _too_fast(connection, [r for r in found if r.own is not None and r.kind in TRACED])
        found = [r._replace(machine=True) if r.id in fast else r for r in found]
        for batch in rounds(found):
            moved = await _move(connection, batch, shard)
            await _note(connection, [r for r in batch if r.delivery_id not in moved])
        known = {r.id for r in found}
        await cursor.execute(sql.DONE, {"ids": list(known)})
        await cursor.execute(sql.LATER, {"ids": [r.id for r in picked if r.id not in known]})
    if applied and (runs := {(r.merchant_id, run) for r in found if (run := owners[r.delivery_id].run_id)}):
        applied(runs)
    return len(picked)


def rounds(receipts: Iterable[Any]) -> Iterator[list[Any]]:
    """Cut into batches that name each delivery once, each delivery's receipts in the order of their time."""
    left = sorted(receipts, key=lambda r: (r.at, r.id))
    while left:
        seen: set[UUID] = set()
        batch: list[Any] = []
        rest: list[Any] = []
        for r in left:
            (rest if r.delivery_id in seen else batch).append(r)
            seen.add(r.delivery_id)
        yield batch
        left = rest


async def _owners(connection: AsyncConnection[Any], ids: list[UUID]) -> dict[UUID, Any]:
    """Merchant, mode, run and address of each delivery that there is."""
    if not ids:
        return {}
    lo, hi = span(ids)
    cursor = connection.cursor(row_factory=by_name)
    await cursor.execute(sql.OWNERS, {"ids": ids, "lo": lo, "hi": hi})
    return {row.id: row for row in await cursor.fetchall()}


def _same(owner: Any, receipt: Any) -> bool:
    return owner is not None and (owner.merchant_id, owner.mode) == (receipt.merchant_id, receipt.mode)


async def _too_fast(connection: AsyncConnection[Any], seen: list[Any]) -> set[int]:
    """Of what we saw ourselves, what no person can have done."""
    if not seen:
        return set()
    lo, hi = span([r.delivery_id for r in seen])
    values = {"ids": [r.id for r in seen], "lo": lo, "hi": hi, "seconds": AT_ONCE, "links": MANY_LINKS}
    cursor = await connection.execute(sql.TOO_FAST, values)
    return {row[0] for row in await cursor.fetchall()}


async def _move(connection: AsyncConnection[Any], batch: list[Any], shard: int) -> set[UUID]:
    moves = [
        Move(r.delivery_id, MOVES[ReceiptKind(r.kind)], kind=r.kind, reason=r.reason, vendor_id=r.vendor_id, at=r.at)
        for r in batch
        if r.kind in MOVES
    ]
    if not moves:
        return set()
    cursor = await connection.execute(APPLY, parameters(moves, shard=shard))
    return {row[0] for row in await cursor.fetchall()}


async def _note(connection: AsyncConnection[Any], batch: list[Any]) -> None:
    if not batch:
        return
    ids = [r.delivery_id for r in batch]
    lo, hi = span(ids)
    values = {
        "id": ids,
        "kind": [r.kind for r in batch],
        "at": [r.at for r in batch],
        "reason": [r.reason for r in batch],
        "vendor_id": [r.vendor_id for r in batch],
        "account": [r.account_id for r in batch],
        "machine": [r.machine for r in batch],
        "detail": [_detail(r) for r in batch],
        "lo": lo,
        "hi": hi,
    }
    await connection.execute(sql.NOTE, values)


def _detail(receipt: Any) -> str | None:
    if receipt.kind not in TRACED:
        return None
    return orjson.dumps({"machine": receipt.machine, **(receipt.own or {})}).decode()
