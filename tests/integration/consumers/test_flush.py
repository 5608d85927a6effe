"""What one flush must be able to hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from consumers.engine.ledger import LedgerSource
from providers.base import accepted
from providers.errors import Reason, Transient
from techrar.broker.envelope import Envelope
from techrar.broker.topology import Step
from tests.support.engine import Vendor, running, until
from tests.support.ledger import Ledger


class WithLadder(LedgerSource):
    """Work comes from the ledger; what should wait on a broker's ladder is kept for the test."""

    has_ladder = True

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn, ["email"], name="test", new_id=uuid7)
        self.on_ladder: list[tuple[Envelope, Step]] = []

    async def retry_later(self, items: Sequence[tuple[Envelope, Step]]) -> set[UUID]:
        self.on_ladder += items
        return {envelope.publish_id for envelope, _ in items}


async def test_a_retry_for_the_ladder_and_an_outcome_are_written_together(ledger: Ledger, dsn: str) -> None:
    def answer(message: Any) -> Any:
        if message.address == "down@example.com":
            raise Transient(Reason.VENDOR_ERROR)
        return accepted(message)

    down, well = ledger.accept(address="down@example.com"), ledger.accept(address="well@example.com")
    vendor = Vendor()
    vendor.answer = answer
    source = WithLadder(dsn)
    async with running(dsn, vendor, source, linger=0.2):
        await until(lambda: ledger.states() == {"queued": 1, "sent": 1} and bool(source.on_ladder))
    assert [(envelope.ids, step.name) for envelope, step in source.on_ladder] == [(down, "1m")]
    assert ledger.kinds(well[0]) == {"sent": 1}
    ledger.assert_balanced()
