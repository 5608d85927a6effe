"""What must every transport do? A handle on each, so that one suite asks them all the same.

To add a transport: a class with these methods, a name in the `kind` fixture and a line in the `transport` fixture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from consumers.engine.amqp import AmqpSource
from consumers.engine.source import Source
from techrar.broker.envelope import Envelope, decode
from techrar.broker.publisher import Publisher
from techrar.broker.topology import Profile, Step
from tests.support.broker_bench import QUICK_LADDER, Bench


class Transport(Protocol):
    #: Two delays that `retry_later` can wait for, short enough for a test.
    steps: Sequence[Step]

    def put(self, *envelopes: Envelope) -> None:
        """Make work wait, as the dispatcher does."""

    def source(self, *lanes: str, prefetch: int = 4) -> Source:
        """A new process's source, not started."""

    async def waiting(self, lane: str) -> set[UUID]:
        """The publish ids that nobody has in hand. Takes them away."""

    def close(self) -> None: ...


class AmqpTransport:
    steps = QUICK_LADDER

    def __init__(self, url: str, profile: Profile) -> None:
        self._bench = Bench(url, profile)
        self._bench.restore()
        self._publisher = Publisher(url, profile)

    def put(self, *envelopes: Envelope) -> None:
        done = self._publisher.publish(envelopes, deadline=5)
        assert not done.failed, done

    def source(self, *lanes: str, prefetch: int = 4) -> AmqpSource:
        return AmqpSource(self._bench.url, lanes, self._bench.profile, prefetch=prefetch)

    async def waiting(self, lane: str) -> set[UUID]:
        return {decode(found.body).publish_id for found in self._bench.drain_lane(lane)}

    def close(self) -> None:
        self._publisher.close()
        self._bench.close()
