"""A consumer in a process of its own, so that it can be killed: `python -m tests.laws.consumer_process DSN SINK`.

Its vendor is the sink: one HTTP request for each message, named after the delivery. With `--forgetful` it calls without
noting first what it calls.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import aiohttp
from psycopg import AsyncConnection

from providers.base import accepted
from providers.messages import Capabilities, Message, Outcome
from techrar.ledger import claims
from tests.support.engine import Vendor, running

CALLS_AT_ONCE = 10


class Sink(Vendor):
    """Posts to an independent server, which keeps a log of its own."""

    capabilities = Capabilities(max_batch=1, concurrency=CALLS_AT_ONCE, timeout=20.0, echoes_delivery_id=True)

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        async with aiohttp.ClientSession() as session:
            for message in batch:
                await session.post(f"{self.url}/{message.delivery_id}")
        return [accepted(message) for message in batch]


async def note_nothing(
    _: AsyncConnection[Any], *, claims: Sequence[UUID], ids: Sequence[UUID], margin: float
) -> set[UUID]:
    return set(claims)


async def main(dsn: str, url: str) -> None:
    async with running(dsn, Sink(url)) as run:
        await run.task


if __name__ == "__main__":
    if "--forgetful" in sys.argv:
        claims.begin = note_nothing
    asyncio.run(main(sys.argv[1], sys.argv[2]))
