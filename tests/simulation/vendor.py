"""What may a vendor do? Take, refuse, stall, answer wrongly or never, and tell later, early, twice, in any order.

Its own log is the truth about what went out: nothing of ours writes it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from providers.base import Provider, WithoutReceipts
from providers.errors import Ambiguous
from providers.messages import Capabilities, Message, Outcome, OutcomeKind, Reason
from tests.support.engine import ACCOUNT

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.world import World

COST = 7
#: Whoever calls for this address dies of it.
POISON = "poison@example.com"
#: Longer than this and the caller has given up.
TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one message: does it go out, and what does the caller hear?"""

    word: str
    sent: bool
    kind: OutcomeKind
    reason: str = ""
    late: bool = False  #: the answer comes when nobody waits for it any more
    broken: bool = False  #: the connection breaks instead of an answer


FATES = (
    Fate("accepted", True, OutcomeKind.ACCEPTED),
    Fate("retry", False, OutcomeKind.RETRY, Reason.VENDOR_ERROR),
    Fate("throttled", False, OutcomeKind.THROTTLED, Reason.RATE),
    Fate("rejected", False, OutcomeKind.REJECTED, Reason.INVALID_ADDRESS),
    Fate("sent, unclear", True, OutcomeKind.AMBIGUOUS, Reason.UNEXPECTED_ANSWER),
    Fate("not sent, unclear", False, OutcomeKind.AMBIGUOUS, Reason.UNEXPECTED_ANSWER),
    Fate("sent, late", True, OutcomeKind.AMBIGUOUS, Reason.TIMEOUT, late=True),
    Fate("sent, broken", True, OutcomeKind.AMBIGUOUS, Reason.CONNECTION, broken=True),
)


class Office:
    """The vendor's side: one for all processes."""

    def __init__(self, world: World, *, echoes: bool, idempotent: bool) -> None:
        self.world = world
        self.echoes = echoes
        self.idempotent = idempotent
        self.calls: Counter[UUID] = Counter()  #: how often each delivery was asked for
        self.sent: Counter[UUID] = Counter()  #: how often each went out
        self.fates: dict[UUID, set[str]] = {}
        self.last_call: dict[UUID, float] = {}
        self._events = 0

    def receive(self, message: Message) -> Fate:
        identifier = message.delivery_id
        word = self.world.fate_of_a_call()
        fate = next(f for f in FATES if f.word == word)
        again = "" if not self.calls[identifier] else ", again"
        self.world.note("vendor", f"{word}{again}: {identifier}")
        self.calls[identifier] += 1
        self.world.order.called(identifier, times=self.calls[identifier])
        self.last_call[identifier] = self.world.time
        self.fates.setdefault(identifier, set()).add(word)
        if fate.sent and not (self.idempotent and self.sent[identifier]):
            self.sent[identifier] += 1
            for kind in self.world.receipts_of_a_message():
                self.tell_later(identifier, kind)
        return fate

    def tell_later(self, identifier: UUID, kind: str) -> None:
        self._events += 1
        name = f"event-{self._events}"
        for _ in range(1 + (self.world.rng.random() < 0.2)):
            wait = self.world.rng.choice([0.0, 0.01, 1.0, 30.0, 500.0])
            self.world.loop.call_later(wait * self.world.rng.random(), self.tell, identifier, kind, name)

    def tell(self, identifier: UUID, kind: str, name: str) -> None:
        self.world.note("vendor", f"says {kind}: {identifier}")
        at = self.world.now() + timedelta(seconds=self.world.rng.uniform(-5, 0))
        values: dict[str, Any] = {
            "account": ACCOUNT,
            "merchant": 1,
            "mode": 0,
            "event_id": [name],
            "kind": [kind],
            "at": [at],
            "delivery_id": [identifier if self.echoes else None],
            "vendor_id": [vendor_id(identifier)],
            "reason": [""],
            "permanent": [False],
            "machine": [False],
            "raw": ["{}"],
        }
        self.world.web.receive(values)


class Vendor(WithoutReceipts, Provider):
    """The adapter in one process. Without a key, so no registry knows it."""

    channel = "email"
    title = "A simulated vendor"

    def __init__(self, process: Process, capabilities: Capabilities) -> None:
        self.key = "simulated"
        self.process = process
        self.office = process.world.office
        self.capabilities = capabilities  # type: ignore[misc]

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        await self.process.wait(f"calls for {len(batch)}")
        fates = [(message, self.office.receive(message)) for message in batch]
        if any(message.address == POISON for message in batch):
            self.process.world.faults["poison"] += 1
            self.process.doom = 1
        for message, _ in fates:
            # The whole batch shares one answer, or has none.
            self.office.fates[message.delivery_id].update(f.word for _, f in fates if f.late or f.broken)
        if any(fate.late for _, fate in fates):
            await asyncio.sleep(TIMEOUT + 1)
        await asyncio.sleep(self.process.world.rng.choice([0.0, 0.0, 0.0, 0.3, 9.0]))
        await self.process.wait(f"hears about {len(batch)}")
        if any(fate.broken for _, fate in fates):
            raise Ambiguous(Reason.CONNECTION, "the connection broke")
        return [self._outcome(message, fate) for message, fate in fates]

    def _outcome(self, message: Message, fate: Fate) -> Outcome:
        accepted = fate.kind is OutcomeKind.ACCEPTED
        return Outcome(
            message.delivery_id,
            fate.kind,
            reason=fate.reason,
            vendor_id=vendor_id(message.delivery_id) if accepted else "",
            retry_after=self.process.world.rng.choice([None, 1.0, 90.0])
            if fate.kind is OutcomeKind.THROTTLED
            else None,
            cost_micros=COST if accepted else 0,
            currency="EUR" if accepted else "",
        )


def vendor_id(identifier: UUID) -> str:
    return f"vendor-{identifier.hex}"
