"""How does a consumer publish, on the loop that it lives on?

Retries, dead letters and postponed envelopes, on a connection of their own: an alarm at the broker blocks connections
that publish, and those that consume must go on. Same promise as `techrar.broker.publisher`: confirmed means that a
queue has it, and a publish ends within its time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pika import BasicProperties
from pika.exceptions import AMQPError
from pika.spec import Basic

from consumers.engine.amqp_link import Link, Wire, reason_of
from techrar.broker.confirms import Confirmed, Confirms, Verdict, summarise
from techrar.broker.outgoing import CONTENT_TYPE, MESSAGE_TYPE, PERSISTENT, Outgoing

BLOCKED = "the broker is blocked (memory or disk alarm)"


@dataclass(slots=True)
class _Flight:
    """The messages of one call that are in the air."""

    expected: int
    landed: asyncio.Future[None]
    written: list[UUID] = field(default_factory=list)
    verdicts: dict[UUID, Verdict] = field(default_factory=dict)

    def land(self) -> None:
        if not self.landed.done():
            self.landed.set_result(None)


@dataclass(slots=True)
class _Session:
    """What is known about one wire."""

    wire: Wire
    confirms: Confirms = field(default_factory=Confirms)
    flights: dict[int, _Flight] = field(default_factory=dict)
    blocked: bool = False

    async def fly(self, messages: Sequence[Outgoing], flight: _Flight) -> None:
        if self.blocked:
            return
        for message in messages:
            self._send(message, flight)
        await flight.landed

    def _send(self, message: Outgoing, flight: _Flight) -> None:
        properties = BasicProperties(
            content_type=CONTENT_TYPE,
            type=MESSAGE_TYPE,
            message_id=str(message.publish_id),
            correlation_id=str(self.confirms.next_tag),  # a returned message names its tag
            priority=message.priority,
            delivery_mode=PERSISTENT,
            headers=dict(message.headers),
        )
        self.flights[self.confirms.wrote(message.publish_id)] = flight
        flight.written.append(message.publish_id)
        self.wire.channel.basic_publish(message.exchange, message.routing_key, message.body, properties, mandatory=True)

    def on_answer(self, frame: Any) -> None:
        answer = frame.method
        taken = isinstance(answer, Basic.Ack)
        for tag, publish_id, verdict in self.confirms.answered(
            answer.delivery_tag, multiple=answer.multiple, taken=taken
        ):
            flight = self.flights.pop(tag)
            flight.verdicts[publish_id] = verdict
            if len(flight.verdicts) == flight.expected:
                flight.land()

    def on_return(self, _channel: object, _method: object, properties: Any, _body: bytes) -> None:
        self.confirms.returned(int(properties.correlation_id))

    def on_blocked(self, *_: object) -> None:
        self.blocked = True
        self.land_all()

    def on_unblocked(self, *_: object) -> None:
        # What was written before may now be answered late, to nobody: a new wire has no such past.
        self.wire.fail("the broker was blocked and is free again")

    def land_all(self) -> None:
        for flight in self.flights.values():
            flight.land()


class AmqpPublisher:
    def __init__(
        self, url: str, *, name: str = "techrar consumer, publishing", rng: random.Random | None = None
    ) -> None:
        self._link = Link(url, name=name, setup=self._prepare, rng=rng)
        self._session: _Session | None = None

    @property
    def trouble(self) -> str:
        return BLOCKED if self._session is not None and self._session.blocked else self._link.trouble

    def start(self) -> None:
        self._link.start()

    async def close(self) -> None:
        await self._link.close()

    async def publish(self, messages: Sequence[Outgoing], *, timeout: float) -> Confirmed:  # noqa: ASYNC109
        """Send all, wait for all answers. Always within `timeout` seconds, and never with an exception for a reason."""
        asked = [message.publish_id for message in messages]
        if not asked:
            return Confirmed()
        flight = _Flight(len(asked), asyncio.get_running_loop().create_future())
        session: _Session | None = None
        error = ""
        try:
            async with asyncio.timeout(timeout):
                session = await self._ready()
                await session.fly(messages, flight)
        except TimeoutError:
            error = "the broker did not answer within the time given"
        except AMQPError as failure:
            error = reason_of(failure)
        if session is None:
            return summarise(asked, (), {}, error=self._link.trouble or error)
        if error:
            # Answers that still come over this wire would come too late to be told apart from those to come.
            session.wire.fail(error)
        if session.blocked:
            error = BLOCKED
        elif not session.wire.alive:
            error = session.wire.lost.result()
        return summarise(asked, flight.written, flight.verdicts, blocked=session.blocked, error=error)

    async def _ready(self) -> _Session:
        wire = await self._link.ready()
        session = self._session
        assert session is not None
        assert session.wire is wire
        return session

    async def _prepare(self, wire: Wire) -> None:
        session = _Session(wire)
        wire.channel.add_on_return_callback(session.on_return)
        await wire.call(lambda done: wire.channel.confirm_delivery(session.on_answer, callback=done))
        wire.connection.add_on_connection_blocked_callback(session.on_blocked)
        wire.connection.add_on_connection_unblocked_callback(session.on_unblocked)
        wire.lost.add_done_callback(lambda _lost: session.land_all())
        self._session = session
