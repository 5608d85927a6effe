"""How does a consumer talk to PostgreSQL through outages?

One connection per purpose (claims, begins, outcomes), each used by one task at a time, so that a slow flush never
stands in front of an urgent claim. A lost connection is made anew with jittered pauses; the work waits, it is not
given up.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg.types.json import set_json_loads

log = logging.getLogger(__name__)

T = TypeVar("T")
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


class Database:
    def __init__(self, dsn: str, *, name: str) -> None:
        self.dsn = dsn
        self.name = name
        self._connection: AsyncConnection[Any] | None = None
        self._lock = asyncio.Lock()

    async def run(self, work: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
        """Do the work, again after each lost connection, until it is done."""
        pause = FIRST_PAUSE
        async with self._lock:
            while True:
                try:
                    return await work(await self._connected())
                except psycopg.errors.ProgramLimitExceeded:
                    # An operational error by its class, but one that trying again does not mend.
                    raise
                except psycopg.OperationalError as error:
                    log.warning("%s: the database is out of reach, trying again in %.1f s: %s", self.name, pause, error)
                    await self._drop()
                    await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
                    pause = min(pause * 2, LONGEST_PAUSE)

    async def close(self) -> None:
        await self._drop()

    async def _connected(self) -> AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await AsyncConnection.connect(
                self.dsn, autocommit=True, connect_timeout=5, application_name=f"techrar-{self.name}"
            )
            set_json_loads(orjson.loads, self._connection)
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
