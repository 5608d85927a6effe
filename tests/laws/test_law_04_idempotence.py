"""Law 4: any envelope delivered any number of times sends nothing twice; any outcome written twice counts once."""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import replace
from typing import Any

import pytest

from consumers.engine import outbox
from consumers.engine.ledger import LedgerSource, LedgerTaken
from consumers.engine.source import Taken
from providers.base import accepted
from techrar.broker.envelope import Envelope
from techrar.dispatch import relay
from techrar.ledger import claims
from techrar.ledger.moves import APPLY
from tests.support.engine import Vendor, ledger_source, running, until
from tests.support.ledger import Ledger

ACCEPTED, COPIES = 200, 10


class Stutter:
    """A transport at its worst: every envelope comes ten times, in any order, also long after it was acknowledged."""

    has_ladder = False
    trouble = ""

    def __init__(self, source: LedgerSource) -> None:
        self.source = source
        self.dice = random.Random(7)
        self.again: list[Envelope] = []
        self.due: deque[Envelope] = deque()
        self.handed_out: Counter[object] = Counter()

    async def next(self) -> Taken:
        if not self.due:
            self.again += [(await self.source.next()).envelope] * COPIES
            self.dice.shuffle(self.again)
            self.due.extend(self.again[: COPIES - 1])
            del self.again[: COPIES - 1]
        envelope = self.due.popleft()
        self.handed_out[envelope.publish_id] += 1
        return LedgerTaken(envelope, self.source)

    def __getattr__(self, name: str) -> object:
        return getattr(self.source, name)


async def check_that_nothing_is_sent_twice(ledger: Ledger) -> None:
    ids = ledger.accept(ACCEPTED)
    source = Stutter(ledger_source(ledger.dsn))
    vendor = Vendor()
    async with running(ledger.dsn, vendor, source, most_held=60):  # type: ignore[arg-type]
        await until(lambda: ledger.states() == {"sent": ACCEPTED})
        await until(lambda: sum(source.handed_out.values()) >= 3 * ACCEPTED // 10)
    assert max(source.handed_out.values()) > 1
    assert Counter(vendor.ids) == Counter(ids)
    ledger.assert_balanced()


@pytest.fixture(autouse=True)
def small_envelopes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "ENVELOPE_SIZE", 10)


async def test_an_envelope_that_comes_again_and_again_sends_nothing_twice(ledger: Ledger) -> None:
    await check_that_nothing_is_sent_twice(ledger)


async def test_it_would_be_noticed_if_a_claim_took_what_another_holds(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    fence, guard = "AND t.held_by = ANY(%(envelopes)s::uuid[])", "t.state = 3"
    assert fence in claims.CLAIM
    assert guard in claims.CLAIM
    monkeypatch.setattr(claims, "CLAIM", claims.CLAIM.replace(fence, "").replace(guard, "true"))
    with pytest.raises(AssertionError):
        await check_that_nothing_is_sent_twice(ledger)


async def check_that_an_outcome_counts_once(ledger: Ledger) -> None:
    """The database committed and could not say so: the consumer writes it again."""
    ledger.accept(20)
    vendor = Vendor()
    vendor.answer = lambda message: replace(accepted(message), cost_micros=5, currency="EUR")
    async with running(ledger.dsn, vendor) as run:
        once = run.worker.outbox._write

        async def twice(*arguments: Any) -> list[Any]:
            return await once(*arguments) and await once(*arguments)

        run.worker.outbox._write = twice  # type: ignore[method-assign]
        await until(lambda: ledger.states() == {"sent": 20})
    assert ledger.one("SELECT sum(cost_micros)::int FROM delivery") == 100
    assert ledger.count("delivery_event") == 20
    ledger.assert_balanced()


async def test_an_outcome_that_is_written_twice_counts_once(ledger: Ledger) -> None:
    await check_that_an_outcome_counts_once(ledger)


async def test_it_would_be_noticed_if_an_outcome_had_no_fence(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "t.held_by = o.fence" in APPLY
    monkeypatch.setattr(outbox, "APPLY", APPLY.replace("t.held_by = o.fence", "true"))
    with pytest.raises(AssertionError):
        await check_that_an_outcome_counts_once(ledger)
