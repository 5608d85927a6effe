"""What do the processes of this installation know of an account together?

Once a second, in the background, each tells Valkey which accounts it uses and which breakers it has opened, and hears
the others. Nothing waits for that: without Valkey every process decides by itself, and shares a rate as it last did.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from consumers.engine.work import Account, clock
from consumers.handlers.routes import Routes
from techrar.routing.health import Tripped
from techrar.routing.shared import FRESH_SECONDS, Report, key_of, read, write

log = logging.getLogger(__name__)

EVERY = 1.0
TIMEOUT = 0.5


class SharedHealth:
    def __init__(self, url: str, routes: Routes, *, process: str) -> None:
        self.valkey: Any = Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
        self.routes = routes
        self.process = process
        self._away = False

    async def run(self) -> None:
        try:
            while True:
                await asyncio.sleep(EVERY)
                await self.once()
        finally:
            await self.valkey.aclose()

    async def once(self) -> None:
        try:
            await self._exchange()
        except (RedisError, OSError, TimeoutError) as error:
            if not self._away:
                log.warning("Valkey does not answer (%s): each process judges accounts by itself until it does", error)
            self._away = True
        else:
            if self._away:
                log.warning("Valkey answers again: processes share what they know of accounts")
            self._away = False

    async def _exchange(self) -> None:
        used = {account.id: (limit, account) for limit, account in self.routes.in_use()}
        if not used:
            return
        wall, now = time.time(), clock()
        async with self.valkey.pipeline(transaction=False) as pipe:
            for number, (_, account) in used.items():
                pipe.hset(key_of(number), self.process, write(_report(account, wall, now)))
                pipe.expire(key_of(number), int(FRESH_SECONDS) * 2)
                pipe.hgetall(key_of(number))
            answers = await pipe.execute()
        for (limit, account), said in zip(used.values(), answers[2::3], strict=True):
            self._hear(account, limit, said, wall - now)

    def _hear(self, account: Account, limit: int | None, said: Mapping[bytes, bytes], offset: float) -> None:
        now = clock()
        reports = read(said, wall=now + offset)
        account.budget.share(None if limit is None else limit / max(1, len(reports)), now)
        for process, report in reports.items():
            if process != self.process and report.tripped and account.breaker.heard(_ours(report.tripped, offset), now):
                self.routes.changed()
                log.info("account %d rests: another process found it failing", account.id)


def _report(account: Account, wall: float, now: float) -> Report:
    """Monotonic clocks differ from process to process: times travel as those of the wall's."""
    health, tripped = account.breaker.health(now), account.breaker.tripped
    offset = wall - now
    shown = Tripped(tripped.since + offset, tripped.until + offset, tripped.slow) if tripped else None
    return Report(wall, health.state, health.reliability, shown)


def _ours(tripped: Tripped, offset: float) -> Tripped:
    return Tripped(tripped.since - offset, tripped.until - offset, tripped.slow)
