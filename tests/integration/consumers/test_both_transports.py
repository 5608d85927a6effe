"""What a merchant may expect holds whichever way deliveries reach the consumers: over the ledger, or over RabbitMQ."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from consumers.engine.amqp import AmqpSource
from consumers.engine.source import Source
from providers.base import accepted
from providers.errors import Reason, Transient
from providers.registry import channels
from techrar.broker.publisher import Publisher
from techrar.broker.topology import Profile, plan
from techrar.dispatch import process
from techrar.policy.priority import Priority
from tests.support.broker_bench import Bench
from tests.support.engine import Vendor, ledger_source, running, until
from tests.support.ledger import Ledger

Carry = Callable[..., AbstractAsyncContextManager[Source]]
KINDS = ["ledger", *(pytest.param(f"amqp-{p}", marks=pytest.mark.rabbitmq) for p in Profile)]


class Broker:
    """As the dispatcher sees it."""

    def __init__(self, url: str, profile: Profile) -> None:
        self.publisher = Publisher(url, profile, topology=plan(list(channels()), profile))

    def publish(self, envelopes: Any, *, deadline: float) -> set[Any]:
        return set(self.publisher.publish(envelopes, deadline=deadline).confirmed)


@pytest.fixture(params=KINDS)
def carry(request: pytest.FixtureRequest, ledger: Ledger, dsn: str) -> Carry:
    """A source for a consumer of some lanes, with a dispatcher at the other end."""
    kind, _, profile = request.param.partition("-")
    url = request.getfixturevalue("amqp_url") if kind == "amqp" else ""
    if url:
        bench = Bench(url, Profile(profile))
        bench.wipe()
        bench.close()

    @asynccontextmanager
    async def carrying(*lanes: str) -> AsyncIterator[Source]:
        stop = threading.Event()
        threads = [process.Thread("clock", dsn, process.clock_session(stop), stop)]
        if url:
            make = partial(Broker, url, Profile(profile))
            threads.append(process.relay_thread("relay", dsn, lanes=lanes, publisher=make, new_id=uuid7, stop=stop))
        for thread in threads:
            thread.start()
        try:
            yield AmqpSource(url, lanes, Profile(profile)) if url else ledger_source(dsn, lanes)
        finally:
            stop.set()
            for thread in threads:
                await asyncio.to_thread(thread.join, 10)

    return carrying


async def test_everything_is_sent_once_and_nothing_is_left_behind(carry: Carry, ledger: Ledger, dsn: str) -> None:
    ids = ledger.accept(700)
    vendor = Vendor()
    async with carry("email") as source, running(dsn, vendor, source):
        await until(lambda: ledger.states() == {"sent": 700})
    assert sorted(vendor.ids) == sorted(ids)
    assert [ledger.count(t) for t in ("envelope", "claim", "begun")] == [0, 0, 0]
    ledger.assert_balanced()


async def test_a_higher_priority_overtakes_a_backlog(carry: Carry, ledger: Ledger, dsn: str) -> None:
    ledger.accept(3000, priority=Priority.LOW)
    vendor = Vendor()
    async with carry("email") as source, running(dsn, vendor, source, most_held=60):
        await until(lambda: len(vendor.calls) >= 200)
        high = ledger.accept(5, priority=Priority.HIGH)
        await until(lambda: set(high) <= set(vendor.ids))
        assert len(vendor.calls) < 2500
        await until(lambda: len(vendor.calls) == 3005, 30)


async def test_a_full_bulk_lane_does_not_hold_up_an_urgent_message(carry: Carry, ledger: Ledger, dsn: str) -> None:
    ledger.accept(500, address="slow@example.com")
    bulk, urgent = Vendor(), Vendor()
    bulk.hold["slow@example.com"] = release = asyncio.Event()
    async with (
        carry("email") as slow,
        running(dsn, bulk, slow),
        carry("email.urgent") as fast,
        running(dsn, urgent, fast),
    ):
        await until(lambda: len(bulk.calls) == 50)
        began = time.monotonic()
        ledger.accept(1, priority=Priority.CRITICAL)
        await until(lambda: len(urgent.calls) == 1)
        assert time.monotonic() - began < 1.5, "it did not wait for any of the five hundred"
        release.set()
        await until(lambda: ledger.states() == {"sent": 501})


async def test_a_retry_comes_back_after_its_delay(carry: Carry, ledger: Ledger, dsn: str) -> None:
    [delivery] = ledger.accept(1, priority=Priority.CRITICAL)
    vendor, times = Vendor(), []

    def answer(message: Any) -> Any:
        times.append(time.monotonic())
        return Transient(Reason.CONNECTION).outcome(message) if message.attempt == 1 else accepted(message)

    vendor.answer = answer
    async with carry("email.urgent") as source, running(dsn, vendor, source):
        await until(lambda: ledger.states() == {"sent": 1})
    assert 0.8 < times[1] - times[0] < 4
    assert ledger.row(delivery).attempt == 2
    assert ledger.kinds(delivery) == {"attempt_failed": 1, "sent": 1}


async def test_one_flush_takes_a_success_and_a_retry(carry: Carry, ledger: Ledger, dsn: str) -> None:
    ledger.accept(5, priority=Priority.CRITICAL, address="n{n}@example.com")
    vendor = Vendor()

    def answer(message: Any) -> Any:
        again = message.attempt == 1 and message.address == "n0@example.com"
        return Transient(Reason.CONNECTION).outcome(message) if again else accepted(message)

    vendor.answer = answer
    async with carry("email.urgent") as source, running(dsn, vendor, source, linger=0.3):
        await until(lambda: ledger.states() == {"sent": 5})
    assert len(vendor.calls) == 6
    ledger.assert_balanced()


async def test_what_is_given_up_lies_among_the_dead_letters(carry: Carry, ledger: Ledger, dsn: str) -> None:
    [delivery] = ledger.accept(1)
    ledger.connection.execute("UPDATE delivery SET attempt = 3")
    vendor = Vendor()
    vendor.answer = lambda message: Transient(Reason.VENDOR_ERROR).outcome(message)
    async with carry("email") as source, running(dsn, vendor, source):
        await until(lambda: ledger.states() == {"dead": 1})
    [letter] = ledger.all("SELECT * FROM dead_letter")
    assert (letter.delivery_id, letter.reason, letter.replayed_as) == (delivery, "vendor_error", None)


async def test_another_consumer_sends_what_the_first_left(carry: Carry, ledger: Ledger, dsn: str) -> None:
    ledger.accept(50, address="slow@example.com")
    ledger.accept(400)
    first, second = Vendor(), Vendor()
    first.hold["slow@example.com"] = release = asyncio.Event()
    async with carry("email") as source, running(dsn, first, source) as run:
        await until(lambda: len(first.calls) == 50)
        run.stopping.set()
        await until(lambda: ledger.states().get("sending") == 50)
        release.set()
        await run.task
    async with carry("email") as source, running(dsn, second, source):
        await until(lambda: ledger.states() == {"sent": 450})
    assert len(first.calls) + len(second.calls) == 450
