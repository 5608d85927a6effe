"""What does the RabbitMQ source do when the broker, the network or a message is broken?"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop

from consumers.engine.amqp import AmqpSource
from ops.chaos.tcp_proxy import TcpProxy
from techrar.broker.envelope import VERSION, Envelope, decode, encode
from techrar.broker.publisher import Publisher
from techrar.broker.topology import Profile, routing_key, work_queues
from tests.support.broker_bench import BLOCKED_FRAME, QUICK_LADDER, UNBLOCKED_FRAME, Bench, envelope

pytestmark = pytest.mark.rabbitmq


@asynccontextmanager
async def running(url: str, profile: Profile, *lanes: str, prefetch: int = 4) -> AsyncIterator[AmqpSource]:
    source = AmqpSource(url, lanes or ("email",), profile, prefetch=prefetch)
    await source.start()
    try:
        yield source
    finally:
        await source.stop_taking()
        await source.close()


async def until(condition: Callable[[], bool], *, within: float = 5.0) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - the broker and the proxy set no event of ours
            await asyncio.sleep(0.01)


async def next_of(source: AmqpSource, *, within: float = 5.0) -> Envelope:
    async with asyncio.timeout(within):
        taken = await source.next()
    await taken.ack()
    return taken.envelope


async def test_a_classic_queue_hands_out_strictly_by_priority(bench: Bench, publisher: Publisher) -> None:
    if bench.profile is not Profile.CLASSIC:
        pytest.skip("quorum queues are one for each priority; what they promise is in the contract suite")
    publisher.publish([envelope(priority=p) for p in (0, 2, 1, 0, 2, 1)], deadline=5)
    async with running(bench.url, bench.profile, prefetch=1) as source:
        assert [(await next_of(source)).priority for _ in range(6)] == [2, 2, 1, 1, 0, 0]


async def test_what_was_fetched_first_is_overtaken_by_what_is_more_urgent(bench: Bench, publisher: Publisher) -> None:
    publisher.publish([envelope(priority=0) for _ in range(2)], deadline=5)
    async with running(bench.url, bench.profile, prefetch=4) as source:
        async with asyncio.timeout(5):
            first = await source.next()
        publisher.publish([envelope(priority=2)], deadline=5)
        await asyncio.sleep(0.1)
        assert (await next_of(source)).priority == 2
        await first.ack()


async def test_a_cut_connection_brings_the_message_again_and_drops_the_old_answer(
    bench: Bench, publisher: Publisher, proxy: TcpProxy
) -> None:
    sent = envelope()
    publisher.publish([sent], deadline=5)
    async with running(proxy.url, bench.profile) as source:
        async with asyncio.timeout(5):
            before = await source.next()
        proxy.cut()
        async with asyncio.timeout(5):
            after = await source.next()
        assert (after.envelope, after.redelivered) == (sent, True)
        await until(lambda: source.trouble == "")
        await before.ack()  # its tag means another message now, or none, and that would end the connection
        await asyncio.sleep(0.1)
        assert (source.trouble, proxy.accepted) == ("", 4)
        await after.ack()
    assert bench.waiting("email") == 0


async def test_what_was_fetched_over_a_lost_connection_is_not_handed_out(
    bench: Bench, publisher: Publisher, proxy: TcpProxy
) -> None:
    publisher.publish([envelope() for _ in range(3)], deadline=5)
    async with running(proxy.url, bench.profile) as source:
        async with asyncio.timeout(5):
            await source.next()
        await asyncio.sleep(0.1)
        proxy.refuse()
        proxy.cut()
        await until(lambda: source.trouble != "")
        with pytest.raises(TimeoutError):
            await next_of(source, within=0.2)


async def test_an_outage_is_said_once_however_long_it_lasts(
    bench: Bench, publisher: Publisher, proxy: TcpProxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="consumers")
    async with running(proxy.url, bench.profile) as source:
        await until(lambda: proxy.open == 2)
        proxy.refuse()
        proxy.cut()
        await until(lambda: "refused" in source.trouble)
        accepted = proxy.accepted
        await asyncio.sleep(0.7)
        proxy.accept()
        sent = envelope()
        publisher.publish([sent], deadline=5)
        assert await next_of(source, within=10) == sent
        await until(lambda: source.trouble == "", within=10)
        assert proxy.accepted == accepted + 2
    said = [r.message for r in caplog.records if "taking email" in r.message]
    assert len([m for m in said if "no connection" in m]) == 1
    assert len([m for m in said if "connected again" in m]) == 1


async def test_a_source_starts_without_a_broker_and_works_when_it_comes(
    bench: Bench, publisher: Publisher, proxy: TcpProxy
) -> None:
    proxy.refuse()
    publisher.publish([envelope()], deadline=5)
    async with running(proxy.url, bench.profile) as source:
        await until(lambda: "refused" in source.trouble)
        proxy.accept()
        await next_of(source, within=10)


async def test_a_server_that_accepts_and_says_nothing_holds_up_only_itself(bench: Bench, proxy: TcpProxy) -> None:
    proxy.stall()
    began = time.monotonic()
    async with running(proxy.url, bench.profile):
        await until(lambda: proxy.accepted == 2)
    assert time.monotonic() - began < 5


async def test_a_queue_that_is_missing_or_deleted_is_named_until_it_is_declared(
    bench: Bench, publisher: Publisher
) -> None:
    queue = work_queues("email", bench.profile)[0]
    async with running(bench.url, bench.profile) as source:
        publisher.publish([envelope(priority=2)], deadline=5)
        await next_of(source)
        bench.channel.queue_delete(queue)
        await until(lambda: f"no queue '{queue}'" in source.trouble and "manage.py topology" in source.trouble)
        bench.declare()
        await until(lambda: source.trouble == "", within=10)
        publisher.publish([envelope(priority=2)], deadline=5)
        await next_of(source)


async def test_an_envelope_of_a_newer_version_waits_for_newer_code_and_blocks_nobody(
    bench: Bench, publisher: Publisher
) -> None:
    newer = json.dumps({"version": VERSION + 1, "what": "else"}).encode()
    for _ in range(6):  # more than the prefetch
        bench.put_raw(newer, routing_key("email", 1, bench.profile), priority=1)
    async with running(bench.url, bench.profile, prefetch=2) as source:
        sent = envelope()
        publisher.publish([sent], deadline=5)
        assert await next_of(source) == sent
        await asyncio.sleep(0.1)
        assert bench.waiting("email") == 0, "they wait in the ladder, not in a circle"
    await asyncio.sleep(0.6)
    back = bench.drain_lane("email")
    assert [found.body for found in back] == [newer] * 6
    assert {found.properties["priority"] for found in back} == {1}


async def test_garbage_is_moved_to_the_dead_letters_and_said(
    bench: Bench, publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    garbage = b'{"version": 1, "ids": "someone@example.org"}'
    bench.put_raw(garbage, "sms.urgent")
    async with running(bench.url, bench.profile, "sms.urgent") as source:
        bench_queue = "dead.sms"
        await asyncio.to_thread(bench.wait_for, bench_queue, 1)
        sent = envelope("sms.urgent", 3)
        publisher.publish([sent], deadline=5)
        assert await next_of(source) == sent
    (found,) = bench.drain(bench_queue)
    assert found.body == garbage
    assert "not an envelope" in found.properties["application_headers"]["reason"]
    assert bench.waiting("sms.urgent") == 0
    assert "no envelope, moved to dead.sms" in caplog.text
    assert "example.org" not in caplog.text


async def test_what_cannot_be_moved_is_given_back_not_dropped(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.engine.amqp.GIVE_BACK_SECONDS", 0.1)
    bench.channel.exchange_delete("dead")
    bench.put_raw(b"garbage", "sms.urgent")
    async with running(bench.url, bench.profile, "sms.urgent") as source:
        await until(lambda: bench.waiting("sms.urgent") == 0)
        await until(lambda: "no exchange 'dead'" in source.trouble)
        await asyncio.sleep(0.3)
    bench.declare()
    bench.wait_for("deliver.sms.urgent", 1)


async def test_a_dead_letter_is_buried_with_its_reason(bench: Bench) -> None:
    sent = envelope("sms", 1)
    async with running(bench.url, bench.profile) as source:
        assert await source.bury([(sent, "retries exhausted")]) == {sent.publish_id}
    (found,) = bench.drain("dead.sms")
    assert decode(found.body) == sent


async def test_a_source_works_on_uvloop(bench: Bench, publisher: Publisher) -> None:
    """In a thread of its own, because this test has a loop already."""
    sent = [envelope() for _ in range(50)]
    publisher.publish(sent, deadline=5)

    async def work() -> list[Envelope]:
        async with running(bench.url, bench.profile, prefetch=2) as source:
            return [await next_of(source) for _ in sent]

    def elsewhere() -> list[Envelope]:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work())

    assert await asyncio.to_thread(elsewhere) == sent


async def test_nothing_piles_up_in_a_process_that_does_not_take(bench: Bench, publisher: Publisher) -> None:
    publisher.publish([envelope() for _ in range(100)], deadline=5)
    async with running(bench.url, bench.profile, prefetch=3):
        await asyncio.sleep(0.2)
        assert bench.waiting("email") == 97
    assert len(encode(envelope())) < 300
    await until(lambda: bench.waiting("email") == 100)


async def test_a_blocked_broker_stops_publishing_and_not_taking(
    bench: Bench, publisher: Publisher, proxy: TcpProxy
) -> None:
    async with running(proxy.url, bench.profile) as source:
        await until(lambda: proxy.open == 2)
        await source.retry_later([(envelope(), QUICK_LADDER[0])])
        await next_of(source)
        proxy.say(BLOCKED_FRAME)
        await until(lambda: "blocked" in source.trouble)
        began = time.monotonic()
        assert await source.retry_later([(envelope(), QUICK_LADDER[0])]) == set()
        assert time.monotonic() - began < 0.5
        sent = envelope()
        publisher.publish([sent], deadline=5)
        assert await next_of(source) == sent
        proxy.say(UNBLOCKED_FRAME)
        await until(lambda: source.trouble == "")
        again = envelope()
        assert await source.retry_later([(again, QUICK_LADDER[0])]) == {again.publish_id}


async def test_an_error_of_ours_reaches_whoever_waits_for_work(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    async with running(bench.url, bench.profile) as source:
        await until(lambda: source.trouble == "")
        waiting = asyncio.create_task(next_of(source))
        monkeypatch.setattr("consumers.engine.amqp._subscribe", broken)
        bench.channel.queue_delete(work_queues("email", bench.profile)[0])
        with pytest.raises(ZeroDivisionError):
            await waiting
