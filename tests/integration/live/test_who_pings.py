"""Everything that moves a run says so, once for many rows, and what is no run's says nothing."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from techrar.campaigns import runner
from techrar.live.groups import Watched
from techrar.receipts.apply import apply
from tests.integration.live.conftest import Launched
from tests.integration.receipts.conftest import Desk, Said
from tests.support.campaigns import House, VendorsDesk
from tests.support.engine import Vendor, running, until
from tests.support.ledger import Ledger


class Heard:
    def __init__(self) -> None:
        self.pings: list[set[Watched]] = []

    def __call__(self, moved: Collection[Watched]) -> None:
        self.pings.append(set(moved))


async def test_a_flush_pings_once_for_all_its_rows(launched: Launched, ledger: Ledger, dsn: str) -> None:
    heard = Heard()
    async with running(dsn, Vendor(), desk=VendorsDesk, flushed=heard, linger=0.2):
        await until(lambda: ledger.tally() == {"sent": 30})
    assert set().union(*heard.pings) == {launched.watched}
    assert len(heard.pings) <= 5


async def test_a_single_send_pings_nobody(ledger: Ledger, dsn: str) -> None:
    heard = Heard()
    ledger.accept(3)
    async with running(dsn, Vendor(), flushed=heard):
        await until(lambda: ledger.tally() == {"sent": 3})
    assert heard.pings == []


def test_a_chunk_that_is_written_pings(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    monkeypatch.setattr(runner, "ping", heard)
    run = house.launch(house.draft())
    assert runner.Runner(house.connection).round()
    assert heard.pings == [{(run.merchant_id, run.id)}]


def test_receipts_ping(launched: Launched, ledger: Ledger) -> None:
    heard, desk = Heard(), Desk(ledger)
    (alone,) = ledger.accept(1)
    of_run = ledger.one("SELECT id FROM delivery WHERE run_id <> 0 LIMIT 1")
    desk.store(Said("delivered", of_run), merchant=launched.run.merchant_id)
    desk.store(Said("delivered", alone))
    assert ledger._run(lambda connection: apply(connection, shard=0, applied=heard)) == 2
    assert heard.pings == [{launched.watched}]
