"""Do all transports keep the promises that the pipeline builds on?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from consumers.engine.source import Source, Taken
from techrar.broker.envelope import Envelope
from tests.integration.broker.transports import Transport
from tests.support.broker_bench import envelope


@asynccontextmanager
async def running(source: Source) -> AsyncIterator[Source]:
    await source.start()
    try:
        yield source
    finally:
        await source.stop_taking()
        await source.close()


async def take(source: Source, count: int, *, within: float = 5.0) -> list[Taken]:
    """Take and keep in hand."""
    async with asyncio.timeout(within):
        return [await source.next() for _ in range(count)]


async def finish(source: Source, count: int) -> list[Envelope]:
    """Take and ack, one after the other, in the order they come."""
    done = []
    for _ in range(count):
        (taken,) = await take(source, 1)
        await taken.ack()
        done.append(taken.envelope)
        await asyncio.sleep(0.005)
    return done


async def nothing_comes(source: Source, *, for_seconds: float = 0.3) -> bool:
    try:
        await take(source, 1, within=for_seconds)
    except TimeoutError:
        return True
    return False


async def test_what_was_put_arrives_whole(transport: Transport) -> None:
    sent = envelope("sms", 2, ids=3)
    transport.put(sent)
    async with running(transport.source("sms")) as source:
        (taken,) = await take(source, 1)
        assert taken.envelope == sent
        assert not taken.redelivered
        await taken.ack()


async def test_an_acked_envelope_never_comes_again(transport: Transport) -> None:
    transport.put(envelope())
    async with running(transport.source("email")) as source:
        await finish(source, 1)
    assert await transport.waiting("email") == set()


async def test_a_source_reads_its_own_lanes_only(transport: Transport) -> None:
    mine = envelope("email")
    transport.put(envelope("sms"), envelope("email.urgent", 3), mine)
    async with running(transport.source("email")) as source:
        assert await finish(source, 1) == [mine]
        assert await nothing_comes(source)


async def test_a_higher_priority_overtakes_a_backlog(transport: Transport) -> None:
    low, high = [envelope(priority=0) for _ in range(40)], [envelope(priority=2) for _ in range(5)]
    transport.put(*low)
    async with running(transport.source("email", prefetch=2)) as source:
        begun = await finish(source, 5)
        transport.put(*high)
        rest = await finish(source, 15)
        assert all(e.priority == 0 for e in begun)
        assert {e.publish_id for e in high} <= {e.publish_id for e in rest}


async def test_within_one_priority_the_first_to_come_is_the_first_to_go(transport: Transport) -> None:
    sent = [envelope(priority=1) for _ in range(10)]
    transport.put(*sent)
    async with running(transport.source("email")) as source:
        assert await finish(source, 10) == sent


async def test_the_urgent_lane_does_not_wait_behind_a_full_bulk_lane(transport: Transport) -> None:
    transport.put(*[envelope() for _ in range(30)])
    async with running(transport.source("email.urgent", "email", prefetch=2)) as source:
        held = await take(source, 2)
        urgent = envelope("email.urgent", 3)
        transport.put(urgent)
        (first,) = await take(source, 1)
        assert first.envelope == urgent, "bulk in hand and unfinished does not keep the urgent lane's place"
        for taken in (*held, first):
            await taken.ack()


async def test_no_more_is_taken_than_the_prefetch_allows(transport: Transport) -> None:
    transport.put(*[envelope() for _ in range(10)])
    async with running(transport.source("email", prefetch=3)) as source:
        await take(source, 3)
        assert await nothing_comes(source)


async def test_what_was_not_acked_comes_again_when_its_holder_is_gone(transport: Transport) -> None:
    sent = envelope()
    transport.put(sent)
    async with running(transport.source("email")) as source:
        await take(source, 1)
    async with running(transport.source("email")) as source:
        (again,) = await take(source, 1)
        assert again.envelope == sent
        assert again.redelivered
        await again.ack()


async def test_what_is_requeued_goes_to_whoever_is_free(transport: Transport) -> None:
    sent = envelope()
    transport.put(sent)
    async with running(transport.source("email")) as first:
        (taken,) = await take(first, 1)
        async with running(transport.source("email")):
            await taken.requeue()
    assert await transport.waiting("email") == {sent.publish_id}


async def test_stopping_gives_back_what_was_not_handed_out_and_lets_the_rest_be_finished(
    transport: Transport,
) -> None:
    sent = [envelope() for _ in range(4)]
    transport.put(*sent)
    source = transport.source("email", prefetch=4)
    async with running(source):
        (mine,) = await take(source, 1)
        await asyncio.sleep(0.1)
        await source.stop_taking()
        assert await nothing_comes(source)
        async with running(transport.source("email")) as other:
            given_back = await finish(other, 3)
        await mine.ack()
    assert {e.publish_id for e in given_back} == {e.publish_id for e in sent} - {mine.envelope.publish_id}
    assert await transport.waiting("email") == set()


async def test_a_retry_comes_back_after_its_delay_with_its_priority(transport: Transport) -> None:
    short, long = transport.steps
    later, sooner = envelope(priority=1, ids=2), envelope(priority=2)
    async with running(transport.source("email")) as source:
        if not source.has_ladder:
            pytest.skip("this transport keeps short waits in the ledger")
        began = time.monotonic()
        assert await source.retry_later([(later, long), (sooner, short)]) == {later.publish_id, sooner.publish_id}
        came = []
        for _ in range(2):
            (taken,) = await take(source, 1)
            came.append((taken.envelope, time.monotonic() - began))
            await taken.ack()
    assert [e for e, _ in came] == [sooner, later]
    assert short.seconds * 0.85 < came[0][1] < short.seconds * 1.1 + 1
    assert long.seconds * 0.85 < came[1][1] < long.seconds * 1.1 + 1


async def test_a_short_delay_does_not_wait_behind_a_long_one(transport: Transport) -> None:
    short, long = transport.steps
    async with running(transport.source("email")) as source:
        if not source.has_ladder:
            pytest.skip("this transport keeps short waits in the ledger")
        await source.retry_later([(envelope(), long) for _ in range(20)])
        quick = envelope()
        await source.retry_later([(quick, short)])
        assert await finish(source, 1) == [quick]
        await finish(source, 20)


@pytest.mark.parametrize("act", ["ack", "requeue"])
async def test_an_answer_after_the_end_is_harmless(transport: Transport, act: str) -> None:
    transport.put(envelope())
    async with running(transport.source("email")) as source:
        (taken,) = await take(source, 1)
    answer: Callable[[], Any] = getattr(taken, act)
    await answer()
    assert len(await transport.waiting("email")) == 1
