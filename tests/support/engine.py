"""A consumer in this process, with a vendor whose every call a test sees and steers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from consumers.engine.database import Database
from consumers.engine.ledger import LedgerSource
from consumers.engine.outbox import Flushed
from consumers.engine.source import Source
from consumers.engine.work import Account
from consumers.engine.worker import Options, Worker
from providers.base import Provider, WithoutReceipts, accepted
from providers.messages import Capabilities, Message, Outcome
from techrar.ledger import claims
from techrar.templating.render import Compiled, compile_content
from techrar.tracking.dress import Dressed

ACCOUNT = 77


class Vendor(WithoutReceipts, Provider):
    """Answers as the test says; keeps what it was asked, in order. Without a key, so no registry knows it."""

    channel = "email"
    title = "A vendor under test"
    capabilities = Capabilities(max_batch=1, concurrency=50, timeout=20.0, echoes_delivery_id=True)

    def __init__(self) -> None:
        self.key = "vendor"
        self.calls: list[Message] = []
        self.answer: Callable[[Message], Any] = accepted
        self.hold: dict[str, asyncio.Event] = {}  #: addresses that wait until their event is set
        self.called = asyncio.Event()
        self.seen, self.since = -1, 0.0

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        self.calls += batch
        self.called.set()
        for message in batch:
            if event := self.hold.get(message.address):
                await event.wait()
        return [self.answer(message) for message in batch]

    @property
    def ids(self) -> list[UUID]:
        return [m.delivery_id for m in self.calls]


class OneWay:
    """There is one account, and nothing else to go to."""

    refused = False

    def again(self, row: Any, account: Account) -> Account | None:
        return None if self.refused else account

    def elsewhere(self, row: Any, account: Account) -> bool:
        return False

    def changed(self) -> None:
        return None

    def misconfigured(self, account: Account, outcome: Outcome) -> None:
        self.refused = True

    async def refresh(self, rows: Sequence[Any]) -> None:
        return None


@dataclass
class Counter:
    """The desk of a test: every row goes to the one vendor."""

    database: Database
    vendor: Vendor
    account_used: Account = field(init=False)
    routes: OneWay = field(default_factory=OneWay)

    def __post_init__(self) -> None:
        at_once = self.vendor.capabilities.concurrency
        self.account_used = Account(ACCOUNT, self.vendor, "vendor", "http://127.0.0.1:9/hooks/x/y", at_once)

    async def requests(self, rows: Sequence[Any]) -> Mapping[UUID, Any]:
        return await self.database.run(lambda connection: claims.requests(connection, [row.id for row in rows]))

    async def compiled(self, request: Any, channel: str) -> Compiled:
        return compile_content(channel, request.request["content"][channel])

    async def account(self, row: Any) -> Account | None:
        return self.account_used

    def dress(self, row: Any, request: Any, content: Mapping[str, Any]) -> Dressed:
        return Dressed(content)


class Running:
    def __init__(self, worker: Worker, task: asyncio.Task[None], stopping: asyncio.Event) -> None:
        self.worker = worker
        self.task = task
        self.stopping = stopping

    async def stop(self) -> None:
        self.stopping.set()
        await self.task


def ledger_source(dsn: str, lanes: Sequence[str] = ("email",)) -> LedgerSource:
    return LedgerSource(dsn, lanes, name="techrar test consumer", new_id=uuid7)


@asynccontextmanager
async def running(
    dsn: str,
    vendor: Vendor,
    source: Source | None = None,
    desk: Callable[[Database, Vendor], Any] = Counter,
    flushed: Flushed | None = None,
    **options: Any,
) -> AsyncIterator[Running]:
    """A worker over the ledger, or over the source given, until the block ends."""
    database = Database(dsn, name="lookup")
    chosen = Options(dsn=dsn, process="test:1", shard=3, **{"linger": 0.005, "grace": 5.0, **options})
    worker = Worker(source or ledger_source(dsn), desk(database, vendor), chosen, new_id=uuid7, flushed=flushed)
    stopping = asyncio.Event()
    run = Running(worker, asyncio.create_task(worker.run(stopping)), stopping)
    try:
        yield run
    finally:
        stopping.set()
        await run.task
        await database.close()


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Look until it holds: for what another process or thread does, and no event tells."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 other processes set no events of ours
            await asyncio.sleep(0.01)
