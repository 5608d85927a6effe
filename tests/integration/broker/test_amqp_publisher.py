"""Does the publisher of the consumers make the same promise as the dispatcher's?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from consumers.engine.amqp_publisher import AmqpPublisher
from ops.chaos.tcp_proxy import TcpProxy
from techrar.broker.envelope import Envelope
from techrar.broker.outgoing import Outgoing, to_work
from tests.support.broker_bench import BLOCKED_FRAME, Bench, envelope

pytestmark = pytest.mark.rabbitmq


@asynccontextmanager
async def publishing(url: str) -> AsyncIterator[AmqpPublisher]:
    publisher = AmqpPublisher(url)
    publisher.start()
    try:
        yield publisher
    finally:
        await publisher.close()


def work(bench: Bench, *envelopes: Envelope) -> list[Outgoing]:
    return [to_work(e, bench.profile) for e in envelopes]


async def test_a_batch_is_confirmed_and_is_there(bench: Bench) -> None:
    batch = work(bench, *[envelope(priority=n % 3) for n in range(300)])
    async with publishing(bench.url) as publisher:
        done = await publisher.publish(batch, timeout=5)
    assert done.confirmed == {m.publish_id for m in batch} == {f.name for f in bench.drain_lane("email")}
    assert done.error == ""


async def test_publishes_at_the_same_time_get_their_own_answers(bench: Bench) -> None:
    batches = [work(bench, *[envelope() for _ in range(20)]) for _ in range(10)]
    lost = work(bench, envelope("fax"))
    async with publishing(bench.url) as publisher:
        *good, bad = await asyncio.gather(*(publisher.publish(b, timeout=5) for b in (*batches, lost)))
    for batch, done in zip(batches, good, strict=True):
        assert done.confirmed == {m.publish_id for m in batch}
        assert done.failed == frozenset()
    assert bad.returned == {lost[0].publish_id}


async def test_what_no_queue_takes_is_returned_and_its_neighbours_are_confirmed(bench: Bench) -> None:
    good, lost = work(bench, envelope(), envelope("sms")), work(bench, envelope("fax"))
    async with publishing(bench.url) as publisher:
        done = await publisher.publish([good[0], *lost, good[1]], timeout=5)
    assert (done.returned, done.confirmed) == ({lost[0].publish_id}, {m.publish_id for m in good})


async def test_a_missing_exchange_confirms_nothing_and_the_next_publish_is_unharmed(bench: Bench) -> None:
    bench.channel.exchange_delete("deliver")
    async with publishing(bench.url) as publisher:
        done = await publisher.publish(work(bench, envelope()), timeout=5)
        assert len(done.unknown) == 1
        assert "no exchange 'deliver'" in done.error
        bench.declare()
        assert len((await publisher.publish(work(bench, envelope()), timeout=5)).confirmed) == 1


async def test_a_publish_never_outlasts_its_time(bench: Bench, proxy: TcpProxy) -> None:
    async with publishing(proxy.url) as publisher:
        await publisher.publish(work(bench, envelope()), timeout=5)
        proxy.stall()
        began = time.monotonic()
        done = await publisher.publish(work(bench, envelope()), timeout=0.3)
        assert time.monotonic() - began < 0.6
        assert len(done.unknown) == 1
        assert "within the time given" in done.error
        proxy.flow()
        assert len((await publisher.publish(work(bench, envelope()), timeout=5)).confirmed) == 1
        assert proxy.accepted == 2, "a connection that failed to answer in time is not used again"


async def test_without_a_broker_nothing_is_sent_and_the_reason_is_said(bench: Bench, proxy: TcpProxy) -> None:
    proxy.refuse()
    async with publishing(proxy.url) as publisher:
        done = await publisher.publish(work(bench, envelope()), timeout=0.3)
        assert len(done.unsent) == 1
        assert "refused" in done.error
        proxy.accept()
        assert len((await publisher.publish(work(bench, envelope()), timeout=5)).confirmed) == 1


async def test_an_answer_to_an_older_message_confirms_nothing(bench: Bench, proxy: TcpProxy) -> None:
    async with publishing(proxy.url) as publisher:
        await publisher.publish(work(bench, envelope("sms")), timeout=5)
        proxy.stall(to_client=True, to_server=False)
        assert (await publisher.publish(work(bench, envelope()), timeout=0.2)).confirmed == frozenset()
        proxy.flow()
        proxy.stall(to_client=False, to_server=True)
        last = work(bench, envelope())
        assert (await publisher.publish(last, timeout=0.3)).confirmed == frozenset()
        assert last[0].publish_id not in {f.name for f in bench.drain_lane("email")}
        proxy.flow()


async def test_a_connection_that_breaks_in_the_middle_confirms_only_what_arrived(bench: Bench, proxy: TcpProxy) -> None:
    batch = work(bench, *[envelope() for _ in range(3000)])
    async with publishing(proxy.url) as publisher:
        await publisher.publish(work(bench, envelope("sms")), timeout=5)
        proxy.cut_after(to_server=300_000)
        began = time.monotonic()
        done = await publisher.publish(batch, timeout=5)
        assert time.monotonic() - began < 3, "a lost connection ends the wait"
    assert len(done.confirmed) < 3000
    assert done.error
    assert done.confirmed <= {f.name for f in bench.drain_lane("email")}


async def test_a_publish_in_the_air_lands_when_the_broker_blocks(bench: Bench, proxy: TcpProxy) -> None:
    async with publishing(proxy.url) as publisher:
        await publisher.publish(work(bench, envelope()), timeout=5)
        proxy.stall(to_client=False)
        flight = asyncio.create_task(publisher.publish(work(bench, envelope()), timeout=10))
        await asyncio.sleep(0.1)
        proxy.say(BLOCKED_FRAME)
        async with asyncio.timeout(1):
            done = await flight
        assert (done.blocked, len(done.unknown)) == (True, 1)
        proxy.flow()
