"""Where does work come from?

What the pipeline may ask of a transport. There are two, RabbitMQ and the ledger itself, with one contract suite.
A source never raises because its server is away: it keeps trying, and says so in `trouble`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from techrar.broker.envelope import Envelope
from techrar.broker.topology import Step


class Taken(Protocol):
    """An envelope in our hands. Exactly one of `ack` and `requeue`; what gets neither comes back when we are gone."""

    @property
    def envelope(self) -> Envelope: ...

    @property
    def redelivered(self) -> bool:
        """Was it handed out before, to us or to another process? A hint: the ledger knows what became of it."""

    async def ack(self) -> None:
        """Every id is claimed or refused: the transport may forget it. Never waits for the transport."""

    async def requeue(self) -> None:
        """Not ours to do now: the next free process gets it, perhaps at once, perhaps we ourselves."""


class Source(Protocol):
    has_ladder: bool  #: can `retry_later` hold an envelope back? Otherwise short waits stay in the ledger too

    @property
    def trouble(self) -> str:
        """Why nothing comes at the moment, in one sentence; empty when connected."""

    async def start(self) -> None:
        """Begin taking. Returns at once, also when the server is away."""

    async def next(self) -> Taken:
        """Wait for the most urgent envelope there is. Comes to nothing any more after `stop_taking`: cancel it."""

    async def stop_taking(self) -> None:
        """Take no more and give back what was fetched but not handed out. What was handed out can still be acked."""

    async def retry_later(self, items: Sequence[tuple[Envelope, Step]]) -> set[UUID]:
        """Bring these back after their step's delay. The publish ids that are safe; the rest go back by the ledger."""

    async def bury(self, items: Sequence[tuple[Envelope, str]]) -> set[UUID]:
        """Show an operator what was given up, with the reason. The publish ids that are safe."""

    async def close(self) -> None:
        """After `stop_taking` and the last ack: give back connections."""
