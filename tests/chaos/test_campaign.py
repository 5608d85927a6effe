"""A campaign of sixty thousand whose dispatcher is killed in the middle of its expansion, paused and resumed."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from ops.chaos.processes import DISPATCH, Process
from providers.messages import Capabilities
from techrar.campaigns import services
from techrar.campaigns.models import Campaign, Run
from tests.support.campaigns import ACTOR, House, VendorsDesk, in_thread
from tests.support.engine import Vendor, running, until
from tests.support.ledger import Ledger

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]
COUNT, GAP = 60_000, 100


class Wholesale(Vendor):
    capabilities = Capabilities(max_batch=100, concurrency=4, timeout=20.0, echoes_delivery_id=True)


@pytest.fixture
def campaign(transactional_db: None, ledger: Ledger) -> Campaign:
    house = House(ledger.connection)
    house.fill(COUNT, gap=GAP)
    house.suppress(*range(1, COUNT, GAP))
    house.template()
    return house.draft()


@pytest.fixture
def run(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> Run:
    """In chunks so small that a kill is sure to find it in the middle."""
    monkeypatch.setattr(services, "CHUNK", 100)
    return services.launch(campaign, actor=ACTOR, now=datetime.now(UTC))


async def test_no_one_is_written_to_twice_and_no_one_is_missed(
    campaign: Campaign, run: Run, ledger: Ledger, dsn: str, tmp_path: Path
) -> None:
    def done() -> int:
        return int(ledger.one("SELECT count(*) FROM chunk WHERE done_at IS NOT NULL"))

    vendor = Wholesale()
    with Process(*DISPATCH, log=tmp_path / "dispatch", TRANSPORT="ledger") as dispatcher:
        async with running(dsn, vendor, desk=VendorsDesk):
            for part in (20, 80):
                await until(lambda part=part: done() >= part, 60)  # type: ignore[misc]
                dispatcher.kill()
                assert done() < COUNT // 100, "the kill came too late to show anything"
                dispatcher.start()
            await in_thread(partial(services.pause, campaign, actor=ACTOR, now=datetime.now(UTC)))
            await until(lambda: ledger.count("claim") == 0)
            sent, expanded = len(vendor.calls), done()
            await until(lambda: bool(ledger.one("SELECT pg_sleep(2) IS NOT NULL")))
            assert (len(vendor.calls), done()) == (sent, expanded)
            assert expanded < COUNT // 100
            await in_thread(partial(services.resume, campaign, actor=ACTOR, now=datetime.now(UTC)))
            await until(lambda: ledger.one("SELECT state FROM campaigns_campaign") == "completed", 200)
        assert dispatcher.stop() == 0, dispatcher.said
    assert ledger.tally() == {"sent": COUNT - 2 * COUNT // GAP, "skipped": 2 * COUNT // GAP}
    assert len(vendor.calls) == len(set(vendor.ids)) == len({m.address for m in vendor.calls})
    assert len(vendor.calls) == COUNT - 2 * COUNT // GAP
    ledger.assert_balanced()
