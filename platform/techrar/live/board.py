"""How do a thousand sockets that look at one run cost one query and one subscription?

One board for each run that somebody of this process looks at. It reads when a ping says so, at most five times a
second, and every few seconds without one, so that neither a lost ping nor an absent Valkey matters. Whoever looks takes
the latest picture; who was slow misses those between.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from django.conf import settings
from django.db import OperationalError
from psycopg import OperationalError as DriverError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from techrar.live.groups import Watched, run_group
from techrar.live.ping import SPACING, TIMEOUT
from techrar.live.snapshot import Message, Pace, Standing, message

log = logging.getLogger(__name__)

REFRESH = 5.0
PAUSE = 1.0  #: before a server that was away is asked again

Read = Callable[[], Awaitable[Standing]]


class Board:
    def __init__(self, watched: Watched, read: Read) -> None:
        self.watched = watched
        self.read = read
        self.lookers = 0
        self.latest: Message | None = None
        self.gaps = 0  #: how often something may have been missed
        self.failure: BaseException | None = None
        self._pace = Pace()
        self._stirred = asyncio.Event()
        self._newer = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def open(self) -> None:
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._look())]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def texts(self) -> AsyncIterator[str]:
        """A snapshot first and after each gap, else updates."""
        seen, gaps = 0, -1
        if self.latest is None or time.monotonic() - self.latest.at > SPACING:
            self._stirred.set()
            await self._newer.wait()
        while self.failure is None:
            latest = self.latest
            if latest is not None and latest.seq > seen:
                whole = gaps != self.gaps or latest.seq != seen + 1
                seen, gaps = latest.seq, self.gaps
                yield latest.snapshot if whole else latest.update
            else:
                await self._newer.wait()
        raise self.failure

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A bug of ours, or the closing: nobody is left waiting for what will not come."""
        if not task.cancelled():
            self.failure = task.exception()
            self._newer.set()

    async def _look(self) -> None:
        while True:
            self._stirred.clear()
            began = time.monotonic()
            try:
                standing = await self.read()
            except (OperationalError, DriverError) as error:
                self.gaps += 1
                log.warning("run %d cannot be looked at, trying again: %s", self.watched[1], error)
                await asyncio.sleep(PAUSE)
                continue
            self._publish(standing, began)
            await asyncio.sleep(max(0.0, began + SPACING - time.monotonic()))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), began + REFRESH - time.monotonic())

    def _publish(self, standing: Standing, began: float) -> None:
        seq = self.latest.seq + 1 if self.latest else 1
        self.latest = message(standing, seq=seq, at=began, rate=self._pace.rate(standing, began))
        self._newer.set()
        self._newer = asyncio.Event()

    async def _listen(self) -> None:
        """Pings until the board closes; what was missed between two subscriptions is a gap."""
        away = subscribed = False
        while True:
            try:
                async with _valkey() as valkey, valkey.pubsub() as pings:
                    await pings.subscribe(run_group(self.watched))
                    async for said in pings.listen():
                        if said["type"] == "subscribe":
                            self.gaps += subscribed
                            away, subscribed = False, True
                        self._stirred.set()
            except (RedisError, OSError) as error:
                if not away:
                    log.warning("Valkey is away, run %d is looked at every %g s: %s", self.watched[1], REFRESH, error)
                away = True
            await asyncio.sleep(PAUSE)


def _valkey() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT,  # for a hello and a subscription; listening has no end
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )


_boards: dict[Watched, Board] = {}


@contextlib.asynccontextmanager
async def watching(watched: Watched, read: Read) -> AsyncIterator[Board]:
    """This process's board of a run; it closes when the last one has looked away."""
    board = _boards.get(watched)
    if board is None:
        board = _boards[watched] = Board(watched, read)
        board.open()
    board.lookers += 1
    try:
        yield board
    finally:
        board.lookers -= 1
        if not board.lookers:
            del _boards[watched]
            await board.close()
