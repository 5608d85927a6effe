"""How does work come from RabbitMQ?

One loop, two connections: this one takes, the other publishes. What was fetched waits here sorted by priority, so
that an urgent envelope overtakes what the broker had handed over before it. All of it is bounded by the prefetch.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

from consumers.engine.amqp_link import Link, Wire
from consumers.engine.amqp_publisher import AmqpPublisher
from techrar.broker.envelope import Envelope, UnknownVersion, decode
from techrar.broker.outgoing import Outgoing, buried, postponed, to_dead, to_retry
from techrar.broker.topology import DELIVER, LADDER, TOP_PRIORITY, Profile, Step, channel_of, work_queues

log = logging.getLogger(__name__)

PUBLISH_SECONDS = 5.0
GIVE_BACK_SECONDS = 1.0
#: Where an envelope of a newer version waits for a process that understands it.
VERSION_STEP = LADDER[1]


class AmqpTaken:
    """An envelope and the delivery tag it came with."""

    __slots__ = ("_tag", "_wire", "envelope", "redelivered")

    def __init__(self, envelope: Envelope, *, redelivered: bool, wire: Wire, tag: int) -> None:
        self.envelope = envelope
        self.redelivered = redelivered
        self._wire = wire
        self._tag = tag

    # Tags belong to the connection they came over. When that is gone the broker has the message back already, and the
    # tag means nothing, or another message, on the next one: so the answer is dropped, and the ledger knows the rest.

    async def ack(self) -> None:
        if self._wire.alive:
            self._wire.channel.basic_ack(self._tag)

    async def requeue(self) -> None:
        if self._wire.alive:
            self._wire.channel.basic_nack(self._tag, requeue=True)


class AmqpSource:
    """Takes from the queues of some lanes. `prefetch` counts envelopes, for each queue."""

    has_ladder = True

    def __init__(
        self,
        url: str,
        lanes: Sequence[str],
        profile: Profile,
        *,
        prefetch: int = 4,
        name: str = "techrar consumer",
        rng: random.Random | None = None,
    ) -> None:
        self._lane_of = {queue: lane for lane in lanes for queue in work_queues(lane, profile)}
        self._profile = profile
        self._prefetch = prefetch
        self._link = Link(url, name=f"{name}, taking {' '.join(lanes)}", setup=self._consume, rng=rng)
        self._publisher = AmqpPublisher(url, name=f"{name}, publishing", rng=rng)
        self._waiting = _no_work()
        self._arrived = asyncio.Event()
        self._stopped = False
        self._tags: list[str] = []
        self._aside: set[asyncio.Task[None]] = set()

    @property
    def trouble(self) -> str:
        return self._link.trouble or self._publisher.trouble

    async def start(self) -> None:
        self._link.start()
        self._publisher.start()

    async def next(self) -> AmqpTaken:
        while True:
            for waiting in reversed(self._waiting):
                if waiting:
                    return waiting.popleft()
            self._link.raise_bug()
            self._arrived.clear()
            await self._arrived.wait()

    async def stop_taking(self) -> None:
        self._stopped = True
        left, self._waiting = self._waiting, _no_work()
        wire = self._link.wire
        if wire is None:
            return
        for tag in self._tags:
            # Nothing is fetched from here on: pika itself sends back what arrives after a cancel.
            wire.channel.basic_cancel(tag, callback=_nothing)
        for waiting in left:
            for taken in waiting:
                await taken.requeue()

    async def close(self) -> None:
        for task in self._aside:
            task.cancel()
        if self._aside:
            await asyncio.wait(self._aside)
        await self._publisher.close()
        await self._link.close()

    async def retry_later(self, items: Sequence[tuple[Envelope, Step]]) -> set[UUID]:
        return await self._publish([to_retry(envelope, step, self._profile) for envelope, step in items])

    async def bury(self, items: Sequence[tuple[Envelope, str]]) -> set[UUID]:
        return await self._publish([to_dead(envelope, reason, self._profile) for envelope, reason in items])

    async def _publish(self, messages: Sequence[Outgoing]) -> set[UUID]:
        done = await self._publisher.publish(messages, timeout=PUBLISH_SECONDS)
        if done.failed:
            log.warning("%d of %d message(s) were not published: %s", len(done.failed), len(messages), done.error)
        return set(done.confirmed)

    async def _consume(self, wire: Wire) -> None:
        """Begin on a new connection. When it is lost, what it brought and nobody took is the broker's again."""
        wire.lost.add_done_callback(self._forget)
        self._tags = []
        if self._stopped:
            return
        channel = wire.channel
        channel.add_on_cancel_callback(lambda _frame: wire.fail("the broker cancelled a consumer: a queue is gone"))
        await wire.call(lambda done: channel.basic_qos(prefetch_count=self._prefetch, callback=done))
        for queue in self._lane_of:
            self._tags.append(queue)
            on_message = partial(self._on_message, wire, queue)
            await wire.call(partial(_subscribe, wire, queue, on_message))

    def _on_message(self, wire: Wire, queue: str, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        """Called by pika between two frames: sort, and never raise."""
        try:
            envelope = decode(body)
        except UnknownVersion as error:
            message = _as_it_came(method, properties, body)
            log.warning("%s: %s, put back for %s", queue, error, VERSION_STEP.name)
            self._set_aside(postponed(message, VERSION_STEP), wire, method.delivery_tag)
            return
        except msgspec.MsgspecError as error:
            message = _as_it_came(method, properties, body)
            channel = channel_of(self._lane_of[queue])
            log.error(  # noqa: TRY400 - a stack trace of our own code says nothing about their bytes
                "%s: %d bytes that are no envelope, moved to dead.%s: %s", queue, len(body), channel, error
            )
            self._set_aside(buried(message, channel, f"not an envelope: {error}"), wire, method.delivery_tag)
            return
        taken = AmqpTaken(envelope, redelivered=method.redelivered, wire=wire, tag=method.delivery_tag)
        self._waiting[min(max(envelope.priority, 0), TOP_PRIORITY)].append(taken)
        self._arrived.set()

    def _forget(self, _lost: object) -> None:
        self._waiting = _no_work()
        self._arrived.set()  # whoever waits looks again, and learns if there will never be more

    def _set_aside(self, message: Outgoing, wire: Wire, tag: int) -> None:
        task = asyncio.create_task(self._move(message, wire, tag))
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def _move(self, message: Outgoing, wire: Wire, tag: int) -> None:
        """Publish elsewhere, then acknowledge here: between the two there may be two, never none."""
        moved = await self._publish([message])
        if not moved:
            await asyncio.sleep(GIVE_BACK_SECONDS)  # it comes straight back
        if not wire.alive:
            return
        if moved:
            wire.channel.basic_ack(tag)
        else:
            wire.channel.basic_nack(tag, requeue=True)


def _no_work() -> tuple[deque[AmqpTaken], ...]:
    """One line for each priority."""
    return tuple(deque() for _ in range(TOP_PRIORITY + 1))


def _as_it_came(method: Any, properties: Any, body: bytes) -> Outgoing:
    """A message that cannot be read, kept to the byte."""
    name = UUID(bytes=blake2b(body, digest_size=16).digest())
    return Outgoing(
        exchange=DELIVER,
        routing_key=method.routing_key,
        publish_id=name,
        priority=properties.priority or 0,
        body=body,
    )


def _subscribe(wire: Wire, queue: str, on_message: Callable[..., None], done: Callable[[object], None]) -> None:
    wire.channel.basic_consume(queue, on_message, consumer_tag=queue, callback=done)


def _nothing(_frame: object) -> None:
    """Asks pika to wait for the broker's answer, which keeps the consumer known until then."""
