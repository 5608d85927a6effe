"""Law 1: PostgreSQL is the truth, RabbitMQ an accelerator. Wipe the broker and everything accepted is still sent."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from techrar.dispatch import relay
from techrar.ledger import reservations
from tests.laws.conftest import Broker, a_minute_later
from tests.support.engine import Vendor, running, until
from tests.support.ledger import Ledger

pytestmark = pytest.mark.rabbitmq
ACCEPTED = 500
#: What the statement is given that leaves an envelope's row behind.
PARAMETERS = [
    "%(id)s::uuid",
    "%(flow)s",
    "%(lane)s",
    "%(priority)s",
    "%(solo)s",
    "%(n)s",
    "%(check)s",
    "%(ids)s::uuid[]",
]


async def check_that_a_wiped_broker_loses_nothing(ledger: Ledger, broker: Broker, *, within: float = 15.0) -> None:
    """A consumer is busy with the first envelope, others wait in the queue: then the broker forgets everything."""
    ids = ledger.accept(ACCEPTED, address="ann@example.com")
    vendor = Vendor()
    vendor.hold["ann@example.com"] = release = asyncio.Event()
    with broker.relay(ledger.dsn):
        async with running(ledger.dsn, vendor, broker.source(), most_held=40):
            await until(lambda: len(vendor.calls) == 20 and broker.bench.waiting("email") > 3)
            await asyncio.to_thread(broker.lose_everything)
            release.set()
            await until(lambda: ledger.states().get("sent", 0) >= 20)
            await asyncio.to_thread(a_minute_later, ledger)
            await until(lambda: ledger.states() == {"sent": ACCEPTED}, within)
    seen = Counter(vendor.ids)
    assert set(seen) == set(ids)
    assert set(seen.values()) == {1}
    ledger.assert_balanced()


@pytest.fixture(autouse=True)
def small_envelopes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "ENVELOPE_SIZE", 20)


async def test_everything_accepted_is_sent_although_the_broker_forgets_it(ledger: Ledger, broker: Broker) -> None:
    await check_that_a_wiped_broker_loses_nothing(ledger, broker)


async def test_it_would_be_noticed_if_the_ledger_did_not_remember_what_it_handed_over(
    ledger: Ledger, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgetful = f"WITH forgotten AS (SELECT {', '.join(PARAMETERS)}) SELECT"
    monkeypatch.setattr(reservations, "INSERT_ENVELOPES", forgetful)
    with pytest.raises(TimeoutError):
        await check_that_a_wiped_broker_loses_nothing(ledger, broker, within=2.0)
    assert ledger.states()["queued"] > 0
