"""Law 6: urgent never waits behind bulk, and one merchant's bulk never delays another's message."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from consumers.engine.work import NONE, Gate
from techrar.dispatch import relay as relay_module
from techrar.policy.priority import Priority
from tests.support.engine import Vendor, ledger_source, running, until
from tests.support.ledger import Ledger

BACKLOG = 4000


class Slow(Vendor):
    """Ten milliseconds a call: the backlog takes the better part of a second and more."""

    async def send(self, batch):  # type: ignore[no-untyped-def]
        await asyncio.sleep(0.01)
        return await super().send(batch)


async def wait_of_an_urgent_message(ledger: Ledger, dsn: str) -> float:
    """Seconds from its acceptance to its call, while the bulk lane is full and stands still."""
    ledger.accept(BACKLOG, priority=Priority.LOW, address="slow@example.com")
    vendors = {"email": Vendor(), "email.urgent": Vendor()}
    release = asyncio.Event()
    for vendor in vendors.values():
        vendor.hold["slow@example.com"] = release
    async with AsyncExitStack() as stack:
        for lane, vendor in vendors.items():
            await stack.enter_async_context(running(dsn, vendor, ledger_source(dsn, [lane])))
        await until(lambda: len(vendors["email"].calls) == 50)
        [urgent] = ledger.accept(1, priority=Priority.CRITICAL, category="security")
        began = time.monotonic()
        try:
            await until(lambda: any(urgent in v.ids for v in vendors.values()), 3)
            return time.monotonic() - began
        except TimeoutError:
            return 3.0
        finally:
            release.set()


async def test_an_urgent_message_passes_a_bulk_lane_that_stands_still(ledger: Ledger, dsn: str) -> None:
    assert await wait_of_an_urgent_message(ledger, dsn) < 1.5


async def test_the_check_notices_urgent_messages_in_the_bulk_lane(
    ledger: Ledger, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "lane_of", lambda channel, priority: channel)
    assert await wait_of_an_urgent_message(ledger, dsn) >= 3


async def turn_of_another_merchants_message(ledger: Ledger, dsn: str) -> float:
    """Which part of what the big merchant still had to send was called before the small one's message."""
    ledger.accept(BACKLOG, merchant=1, priority=Priority.LOW)
    vendor = Slow()
    async with running(dsn, vendor, most_held=100):
        await until(lambda: len(vendor.calls) > 100)
        before = len(vendor.calls)
        [small] = ledger.accept(1, merchant=2, priority=Priority.LOW)
        await until(lambda: small in vendor.ids, 30)
        return (vendor.ids.index(small) - before) / (BACKLOG - before)


async def test_a_small_merchant_waits_for_a_moment_of_the_big_ones_work(ledger: Ledger, dsn: str) -> None:
    assert await turn_of_another_merchants_message(ledger, dsn) < 0.4


async def test_the_check_notices_a_campaign_that_is_let_in_whole(
    ledger: Ledger, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module.Pace, "allowance", lambda self, outstanding, **_: BACKLOG)
    monkeypatch.setattr(Gate, "room", lambda self, flow, *, besides=NONE: self.free - besides.total())
    assert await turn_of_another_merchants_message(ledger, dsn) > 0.6
