"""What becomes of messages when the vendor they go through fails? Two real mail servers, a real worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from uuid_utils.compat import uuid7

from consumers.engine.database import Database
from consumers.engine.worker import Options, Worker
from consumers.handlers import routes
from consumers.handlers.deliver import Desk
from providers.http import Network
from techrar.core.mode import Mode
from techrar.merchants.models import AuditEntry
from techrar.merchants.services import Actor
from techrar.routing import health, selectors, services
from techrar.routing.health import State
from techrar.routing.models import ProviderAccount
from tests.factories import make_merchant
from tests.integration.consumers.conftest import ledger
from tests.support.campaigns import LINKS
from tests.support.engine import ledger_source, until
from tests.support.ledger import Ledger
from tests.support.mail_server import MailServer

pytestmark = [pytest.mark.django_db(transaction=True)]
ACTOR = Actor("system:test")
AT_ONCE = 5
__all__ = ["ledger"]


async def in_thread(work: Callable[[], Any]) -> Any:
    """Django's own connection belongs to its thread, and is given back."""

    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.to_thread(run)


async def merchant_with(*servers: MailServer, **fields: Any) -> tuple[int, list[int]]:
    """A merchant who sends through these servers, in this order."""

    def make() -> tuple[int, list[int]]:
        merchant = make_merchant()
        made = [
            services.create_account(
                merchant_id=merchant.id,
                mode=Mode.LIVE,
                channel="email",
                provider="smtp",
                name=f"Server {place}",
                config={
                    "host": "127.0.0.1",
                    "port": server.port,
                    "security": "none",
                    "from_address": "shop@example.com",
                },
                actor=ACTOR,
                now=datetime.now(UTC),
                position=place,
                concurrency=AT_ONCE,
                **fields,
            )
            for place, server in enumerate(servers)
        ]
        return merchant.id, [row.id for row in made]

    found: tuple[int, list[int]] = await in_thread(make)
    return found


@asynccontextmanager
async def sending(dsn: str) -> AsyncIterator[tuple[Worker, Desk]]:
    desk = Desk(
        Database(dsn, name="lookup"),
        keys=selectors.key_ring(),
        net=Network(allow_private=True),
        links=LINKS,
    )
    options = Options(dsn=dsn, process="test:1", shard=3, linger=0.005, grace=5.0)
    worker = Worker(ledger_source(dsn), desk, options, new_id=uuid7)
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield worker, desk
    finally:
        stop.set()
        await task
        await desk.close()
        await desk.database.close()


def arrived(*servers: MailServer) -> set[UUID]:
    """Which deliveries these servers took: their Message-ID begins with it."""
    return {UUID(str(mail.parsed["Message-ID"])[1:37]) for server in servers for mail in server.mails}


def settled(ledger: Ledger) -> int:
    return sum(n for state, n in ledger.states().items() if state not in ("accepted", "queued", "sending"))


async def test_a_campaign_moves_when_its_vendor_dies_and_comes_back_by_itself(
    ledger: Ledger, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FIRST_PAUSE", 0.3)
    async with MailServer() as second:
        async with MailServer() as first:
            merchant, (mine, other) = await merchant_with(first, second)
            ids = ledger.accept(600, merchant=merchant, mode=Mode.LIVE)
            async with sending(dsn) as (_, desk):
                await until(lambda: len(first.mails) >= 100)
                assert not second.mails, "the first is well"
                await first.__aexit__()
                await until(lambda: len(second.mails) >= 100, 5.0)
                await until(lambda: settled(ledger) == 600, 30.0)
                breaker = desk.routes.connected[mine][1].breaker
                assert breaker.tripped
                async with MailServer(port=first.port) as again:
                    while not (breaker.state is State.CLOSED and len(again.mails) > 60):
                        ids += ledger.accept(20, merchant=merchant, mode=Mode.LIVE)
                        await until(lambda: settled(ledger) == ledger.count("delivery"))
        states = ledger.states()
        unclear = len(ids) - states["sent"]
        assert unclear <= AT_ONCE, "what was being handed over in that moment, and nothing else"
        assert states.get("dead", 0) + states.get("failed", 0) == 0
        missing = set(ids) - arrived(first, second, again)
        assert len(missing) <= unclear
        assert len(second.mails) >= 400
        moved = [i for i in ids if ledger.kinds(i)["attempt_failed"] and ledger.kinds(i)["sent"]]
        assert moved, "some were tried at the first, and at once sent by the second"
        assert {ledger.row(i).account_id for i in moved} <= {mine, other}
        assert all(ledger.row(i).attempt == 2 for i in moved)
        ledger.assert_balanced()


async def test_a_refused_account_is_paused_and_its_messages_go_the_next_way_without_using_an_attempt(
    ledger: Ledger, dsn: str
) -> None:
    async with MailServer() as first, MailServer() as second, MailServer() as foreign:
        first.replies["MAIL"] = "530 5.7.0 Authentication required"
        await merchant_with(foreign)
        merchant, (mine, other) = await merchant_with(first, second)
        ids = ledger.accept(200, merchant=merchant, mode=Mode.LIVE)
        async with sending(dsn):
            await until(lambda: ledger.states() == {"sent": 200})
        assert (len(first.mails), len(second.mails), len(foreign.mails)) == (0, 200, 0)
        assert {(ledger.row(i).attempt, ledger.row(i).account_id) for i in ids} == {(1, other)}
        paused = await in_thread(lambda: ProviderAccount.objects.get(id=mine))
        assert paused.paused_reason == "refused by the vendor: credentials"
        entries = await in_thread(lambda: list(AuditEntry.objects.filter(action="provider_account.paused")))
        assert [(e.object_id, e.actor, e.merchant_id) for e in entries] == [(str(mine), "system:deliver", merchant)]
        ledger.assert_balanced()


async def test_with_no_account_left_messages_wait_and_go_out_once_it_is_mended(
    ledger: Ledger, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "ACCOUNTS_FRESH", 0.1)
    async with MailServer() as server, MailServer() as foreign:
        server.replies["MAIL"] = "530 5.7.0 Authentication required"
        await merchant_with(foreign)
        merchant, (mine,) = await merchant_with(server)
        ids = ledger.accept(30, merchant=merchant, mode=Mode.LIVE)
        async with sending(dsn):
            await until(lambda: ledger.states() == {"scheduled": 30})
            assert "no_usable_account" in {ledger.row(i).reason for i in ids}
            server.replies.clear()
            await in_thread(
                lambda: services.resume_account(
                    merchant_id=merchant, mode=Mode.LIVE, account_id=mine, actor=ACTOR, now=datetime.now(UTC)
                )
            )
            ledger.connection.execute("UPDATE delivery SET state = 2, wake_at = NULL, relay_at = now() WHERE state = 1")
            await until(lambda: ledger.states() == {"sent": 30})
        assert not foreign.mails, "another merchant's account is none of ours"


async def test_what_waits_for_an_account_that_somebody_pauses_goes_the_next_way(
    ledger: Ledger, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "ACCOUNTS_FRESH", 0.1)
    async with MailServer() as first, MailServer() as second:
        first.replies["MAIL"] = "hang"
        merchant, (mine, _) = await merchant_with(first, second)
        ledger.accept(100, merchant=merchant, mode=Mode.LIVE)
        async with sending(dsn):
            await until(lambda: ledger.count("begun") > 0)
            await in_thread(
                lambda: services.pause_account(
                    merchant_id=merchant,
                    mode=Mode.LIVE,
                    account_id=mine,
                    reason="too slow",
                    actor=ACTOR,
                    now=datetime.now(UTC),
                )
            )
            await until(lambda: ledger.states() == {"sent": 100 - AT_ONCE, "sending": AT_ONCE})
            first.hang_up()
            await until(lambda: ledger.states() == {"sent": 100})
        assert (len(first.mails), len(second.mails)) == (0, 100)


async def test_a_rate_holds_and_waiting_for_it_uses_no_attempt(ledger: Ledger, dsn: str) -> None:
    async with MailServer() as server:
        merchant, _ = await merchant_with(server, rate_limit=20)
        ids = ledger.accept(50, merchant=merchant, mode=Mode.LIVE)
        started = time.monotonic()
        async with sending(dsn):
            await until(lambda: ledger.states() == {"sent": 50})
        took = time.monotonic() - started
    assert 1.4 < took < 8.0, "twenty at once, and thirty more at twenty a second"
    assert {ledger.row(i).attempt for i in ids} == {1}
    assert all(ledger.kinds(i) == {"sent": 1} for i in ids)


async def test_what_becomes_too_late_while_it_waits_expires(ledger: Ledger, dsn: str) -> None:
    async with MailServer() as server:
        merchant, _ = await merchant_with(server, rate_limit=1)
        soon = datetime.fromtimestamp(time.time() + 2.5, UTC)
        ledger.accept(40, merchant=merchant, mode=Mode.LIVE, expires=soon)
        async with sending(dsn):
            await until(lambda: settled(ledger) == 40)
        states = ledger.states()
    assert states["sent"] == len(server.mails) <= 5
    assert states["sent"] + states["expired"] == 40
    ledger.assert_balanced()
