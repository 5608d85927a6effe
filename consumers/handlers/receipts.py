"""Applies what vendors told us, batch after batch."""

from __future__ import annotations

import asyncio
from typing import Any

from psycopg import AsyncConnection

from consumers.engine.database import Database
from consumers.engine.outbox import Flushed
from techrar.receipts.apply import apply

BATCH = 500
PAUSE = 0.2


async def run(database: Database, *, shard: int, stop: asyncio.Event, applied: Flushed) -> None:
    async def batch(connection: AsyncConnection[Any]) -> int:
        return await apply(connection, shard=shard, limit=BATCH, applied=applied)

    while not stop.is_set():
        if await database.run(batch) < BATCH:
            try:
                await asyncio.wait_for(stop.wait(), PAUSE)
            except TimeoutError:
                continue
