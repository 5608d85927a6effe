"""Law 6, its second half: one merchant's campaign never delays another merchant's message.

Also when the campaign's vendor has stopped answering, and the same process sends for both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from consumers.engine.database import Database
from consumers.engine.work import Account
from consumers.engine.worker import Options, Worker
from tests.support.engine import Counter, Vendor, ledger_source, until
from tests.support.ledger import Ledger

MOST_HELD = 200
STUCK = "stuck@example.com"


class Accounts(Counter):
    """Each merchant has a vendor of their own."""

    def __init__(self, database: Database, vendors: dict[int, Vendor]) -> None:
        super().__init__(database, vendors[1])
        at_once = Vendor.capabilities.concurrency
        self.of = {m: Account(m, vendor, "vendor", "http://127.0.0.1:9/x", at_once) for m, vendor in vendors.items()}

    async def account(self, row: Any) -> Account | None:
        return self.of[row.merchant_id]


@asynccontextmanager
async def sending_for(ledger: Ledger, vendors: dict[int, Vendor]) -> AsyncIterator[Worker]:
    """One process that sends for all these merchants, and whose first merchant's vendor does not answer."""
    vendors[1].hold[STUCK] = answer = asyncio.Event()
    database = Database(ledger.dsn, name="lookup")
    options = Options(dsn=ledger.dsn, process="test:1", shard=3, most_held=MOST_HELD, linger=0.005)
    worker = Worker(ledger_source(ledger.dsn), Accounts(database, vendors), options, new_id=uuid7)
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        answer.set()
        stop.set()
        await running
        await database.close()


@pytest.mark.parametrize("backlog", [MOST_HELD // 4, 10 * MOST_HELD])
async def test_a_vendor_that_stands_still_holds_up_its_own_merchant_only(ledger: Ledger, backlog: int) -> None:
    ledger.accept(backlog, merchant=1, priority=3, address=STUCK)
    vendors = {1: Vendor(), 2: Vendor()}
    async with sending_for(ledger, vendors) as worker:
        await until(lambda: worker.gate.total == min(backlog, MOST_HELD // 2) and len(vendors[1].calls) == 50)
        (mine,) = ledger.accept(merchant=2, priority=1)
        await until(lambda: vendors[2].ids == [mine], 3.0)
