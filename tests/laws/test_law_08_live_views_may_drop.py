"""Law 8: whatever becomes of a ping, no delivery waits for it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Collection, Iterator

import pytest
from redis import Redis

from techrar.live.ping import SPACING, Pinger
from tests.support.campaigns import House, VendorsDesk
from tests.support.engine import Vendor, running, until
from tests.support.ledger import Ledger

MOST_PAUSE = 0.05


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def longest(ping: Callable[[Collection[tuple[int, int]]], object], seconds: float) -> float:
    """The longest that anybody waited for a ping to return."""
    end, worst = time.monotonic() + seconds, 0.0
    while (began := time.monotonic()) < end:
        ping({(1, n) for n in range(10)})
        worst = max(worst, time.monotonic() - began)
        time.sleep(0.001)
    return worst


@pytest.mark.parametrize("url", ["redis://127.0.0.1:9/0", "silent"])
def test_nobody_waits_for_valkey(url: str, silent: str) -> None:
    assert longest(Pinger(silent if url == "silent" else url).ping, 1.5) < MOST_PAUSE


def test_the_check_notices_a_ping_that_waits(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pinger = Pinger(silent)
    monkeypatch.setattr(pinger, "ping", lambda moved: pinger._tell(set(moved)))
    assert longest(pinger.ping, 0.6) >= MOST_PAUSE


@pytest.fixture
def launched(transactional_db: None, ledger: Ledger) -> None:
    house = House(ledger.connection)
    house.fill(200)
    house.template()
    house.launch(house.draft())
    house.expand()


@pytest.mark.usefixtures("launched")
async def test_a_campaign_is_sent_and_balances_while_valkey_says_nothing(ledger: Ledger, dsn: str, silent: str) -> None:
    async with running(dsn, Vendor(), desk=VendorsDesk, flushed=Pinger(silent).ping):
        await until(lambda: ledger.tally() == {"sent": 200})
    ledger.assert_balanced()


def test_pings_of_a_run_are_spaced_and_the_last_one_is_always_told(redis_url: str) -> None:
    with Redis.from_url(redis_url) as valkey, valkey.pubsub() as heard:
        heard.subscribe("run.7.8")
        heard.get_message(timeout=2)
        pinger, at = Pinger(redis_url), []
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            pinger.ping([(7, 8)])
            if heard.get_message(timeout=0.001):
                at.append(time.monotonic())
        last = time.monotonic()
        while time.monotonic() < last + 2 * SPACING:
            if heard.get_message(timeout=0.05):
                at.append(time.monotonic())
    assert 5 <= len(at) <= 7
    assert at[-1] >= last - 0.01
