"""A hundred thousand deliveries: memory stays flat, nothing is held back, the ledger balances."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from providers.messages import Capabilities
from techrar.policy.priority import Priority
from tests.support.engine import Vendor, running, until
from tests.support.ledger import Ledger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
MANY, BATCH = 100_000, 5_000


class Wholesale(Vendor):
    """Takes five hundred at a time and keeps only their number."""

    capabilities = Capabilities(max_batch=500, concurrency=4, timeout=20.0, echoes_delivery_id=True)

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    async def send(self, batch):  # type: ignore[no-untyped-def]
        self.count += len(batch)
        return [self.answer(message) for message in batch]


def megabytes() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


async def test_a_hundred_thousand_pass_through_one_consumer_in_flat_memory(ledger: Ledger, dsn: str) -> None:
    for _ in range(MANY // BATCH):
        ledger.accept(BATCH, priority=Priority.LOW, category="marketing")
    vendor = Wholesale()
    async with running(dsn, vendor):
        await until(lambda: vendor.count >= MANY // 10, 60)
        before = megabytes()
        await until(lambda: vendor.count == MANY and ledger.count("claim") == 0, 200)
        grown = megabytes() - before
    assert grown < 30, f"{grown:.0f} MB more than after the first tenth"
    assert ledger.tally() == {"sent": MANY}
    ledger.assert_balanced()
