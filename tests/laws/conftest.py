"""One file for each law of docs/architecture.md: a check that finds it kept, and the same check where it is broken.

A check that was never seen to fail proves nothing, so each law is broken on purpose: a statement loses a guard, two
steps change places, a line of SQL writes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from consumers.engine.amqp import AmqpSource
from techrar.broker.envelope import Envelope
from techrar.broker.publisher import Publisher
from techrar.broker.topology import Profile
from techrar.dispatch import process, sweeps
from tests.support.broker_bench import Bench
from tests.support.ledger import Ledger, ledger

__all__ = ["ledger"]
SOON = 15.0


class Broker:
    """RabbitMQ between a dispatcher's relay and a consumer, with a view of the queues."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def publish(self, envelopes: Sequence[Envelope], *, deadline: float) -> set[UUID]:
        """As the dispatcher's relay does, from its thread."""
        return set(self.publisher.publish(envelopes, deadline=deadline).confirmed)

    def source(self, *lanes: str, prefetch: int = 1) -> AmqpSource:
        return AmqpSource(self.bench.url, lanes or ("email",), Profile.CLASSIC, prefetch=prefetch)

    @contextmanager
    def relay(self, dsn: str, *lanes: str) -> Iterator[None]:
        """A dispatcher's thread for these lanes, until the block ends."""

        def publisher() -> Broker:
            self.publisher = Publisher(self.bench.url, Profile.CLASSIC, topology=self.bench.topology)
            return self

        with relaying(dsn, lanes or ("email",), publisher):
            yield

    def lose_everything(self) -> None:
        """As if its disk was new."""
        self.bench.wipe()
        self.bench.declare()


@contextmanager
def relaying(dsn: str, lanes: Sequence[str], publisher: Callable[[], Any]) -> Iterator[None]:
    stop = threading.Event()
    thread = process.relay_thread("relay", dsn, lanes=lanes, publisher=publisher, new_id=uuid7, stop=stop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(SOON)
    assert thread.failure is None


@pytest.fixture
def broker(amqp_url: str) -> Iterator[Broker]:
    bench = Bench(amqp_url, Profile.CLASSIC)
    bench.restore()
    try:
        yield Broker(bench)
    finally:
        bench.wipe()
        bench.close()


def a_minute_later(ledger: Ledger) -> None:
    """What a dispatcher's clock does about envelopes that nobody claimed."""
    ledger.make_overdue()
    sweeps.envelopes(ledger.connection)


def bury_the_dead(ledger: Ledger) -> None:
    """What a dispatcher's clock does about the claims of processes that are gone: all of them are."""
    ledger.lose_leases()
    sweeps.leases(ledger.connection)
