"""When does a row that waits for a free slot get it?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from consumers.engine.calls import Calls
from consumers.engine.work import Account, Gate, Held, Ready
from providers.base import Message, Outcome, Provider, WithoutReceipts, accepted
from techrar.ledger.moves import Move
from techrar.ledger.states import State


class Vendor(WithoutReceipts, Provider):
    channel = "email"

    def __init__(self) -> None:
        self.key = "vendor"

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        return [accepted(message) for message in batch]


class Database:
    """Answers which claims still have enough of their lease, one answer for each time it is asked."""

    def __init__(self, *answers: set[UUID]) -> None:
        self.answers = list(answers)

    async def run(self, work: Any) -> set[UUID]:
        return self.answers.pop(0)


def ready(account: Account, claim: UUID) -> Ready:
    row = SimpleNamespace(
        id=uuid4(), flow_id=1, attempt=0, priority=1, category="transactional", expires_in=None, address="ann"
    )
    return Ready(Held(row, claim), Message(row.id, "email", row.address, {}), account)


async def test_a_slot_that_a_lost_lease_leaves_free_goes_to_the_next_row() -> None:
    lost, kept = uuid4(), uuid4()
    settled: asyncio.Queue[Move] = asyncio.Queue()
    database: Any = Database(set(), {kept})
    calls = Calls(database, Gate(10), settle=lambda held, move: settled.put_nowait(move))
    account = Account(1, Vendor(), "vendor", "", 1)
    calls.take([ready(account, lost), ready(account, kept)])
    running = asyncio.create_task(calls.run())
    try:
        async with asyncio.timeout(5):
            assert (await settled.get()).state == State.ACCEPTED
            assert (await settled.get()).state == State.SENT
    finally:
        running.cancel()
