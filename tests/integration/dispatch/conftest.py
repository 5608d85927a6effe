"""A relay whose clock is in the test's hand, before a broker that is a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from techrar.broker.envelope import Envelope
from techrar.dispatch.relay import Relay
from techrar.ledger.reservations import Reservation
from tests.support.ledger import Claimed, Ledger, ledger, session

__all__ = ["ledger"]
LANES = ("email", "email.urgent", "sms", "sms.urgent")


class Clock:
    now = 50_000.0

    def __call__(self) -> float:
        return self.now


class Shelf:
    """What the broker holds, and what it was ever given."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.envelopes: list[Envelope] = []
        self.seen: list[Envelope] = []
        self.refuses: Callable[[Envelope], bool] = lambda envelope: False

    def publish(self, envelopes: Sequence[Envelope], *, deadline: float) -> set[UUID]:
        taken = [e for e in envelopes if not self.refuses(e)]
        self.envelopes += taken
        self.seen += envelopes
        return {e.publish_id for e in taken}

    @property
    def holds(self) -> int:
        return sum(len(e.ids) for e in self.envelopes)

    def next(self) -> Envelope | None:
        """As RabbitMQ would: higher priorities first, then first come."""
        best = max(self.envelopes, key=lambda e: e.priority, default=None)
        if best is not None:
            self.envelopes.remove(best)
        return best

    def consume(self, rows: int) -> list[Claimed]:
        """Claim up to so many rows, whole envelopes at a time."""
        done: list[Claimed] = []
        while rows > 0 and (envelope := self.next()):
            rows -= len(envelope.ids)
            done.append(self.ledger.claim(Reservation(envelope.publish_id, tuple(envelope.ids), envelope.solo)))
        return done


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shelf(ledger: Ledger) -> Shelf:
    return Shelf(ledger)


@pytest.fixture
def relay(ledger: Ledger, shelf: Shelf, clock: Clock) -> Iterator[Relay]:
    with session(ledger.dsn) as connection:
        yield Relay(connection, shelf, lanes=LANES, new_id=uuid7, clock=clock)
