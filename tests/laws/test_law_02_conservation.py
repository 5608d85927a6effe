"""Law 2: for every merchant's day, what was planned equals the sum over all states, and tallies equal a recount."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from consumers.engine import outbox
from providers.base import accepted
from providers.errors import Ambiguous, Permanent, Reason, Transient
from providers.messages import Message, Outcome
from techrar.dispatch import sweeps
from techrar.ledger.moves import APPLY
from tests.laws.conftest import bury_the_dead
from tests.support.engine import Vendor, running, until
from tests.support.ledger import Ledger

ENDS: dict[str, Callable[[Message], Outcome]] = {
    "good": accepted,
    "bad": Permanent(Reason.CONTENT_REFUSED).outcome,
    "later": Transient(Reason.CONNECTION).outcome,
    "unclear": Ambiguous(Reason.TIMEOUT).outcome,
}
EACH = 30


async def check_that_everything_is_accounted_for(ledger: Ledger) -> None:
    """A day with every kind of end: sent, refused, retried, unclear, cancelled, expired, and a consumer that dies."""
    planned = 0
    for merchant in (1, 2):
        for word in ENDS:
            ledger.accept(EACH, merchant=merchant, category="marketing", address=f"{word}@example.com")
            planned += EACH
    lost = ledger.take(ledger.flow(), limit=10)
    ledger.begin(lost, lost.ids[:5])
    bury_the_dead(ledger)
    vendor = Vendor()
    # So many failures would have it left alone for a while.
    vendor.capabilities = replace(vendor.capabilities, own_server=True)
    vendor.answer = lambda message: ENDS[message.address.partition("@")[0]](message)
    async with running(ledger.dsn, vendor):
        await until(lambda: not {"accepted", "queued", "sending"} & set(ledger.states()))
    waiting = [r.id for r in ledger.all("SELECT id FROM delivery WHERE state = 1 ORDER BY id")]
    ledger.cancel(waiting[:10])
    ledger.connection.execute("UPDATE delivery SET expires_at = now() WHERE id = ANY(%s)", (waiting[10:20],))
    now = ledger.one("SELECT now()")
    sweeps.expiries(ledger.connection, since=now.replace(year=now.year - 1), until=now)
    assert set(ledger.states()) == {"sent", "failed", "unknown", "scheduled", "cancelled", "expired"}
    report = ledger.report()
    assert report.wrong == []
    assert sum(line.planned for line in report.lines) == planned


async def test_every_message_of_a_day_is_in_exactly_one_place(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    await check_that_everything_is_accounted_for(ledger)


@pytest.mark.parametrize(
    ("part", "broken"),
    [
        ("-1 AS n", "0 AS n"),  # what a row leaves is not counted off
        ("1, cost_micros FROM moved", "0, cost_micros FROM moved"),  # where it comes to is not counted
    ],
)
async def test_it_would_be_noticed_if_a_delta_was_lost(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, part: str, broken: str
) -> None:
    assert part in APPLY
    monkeypatch.setattr(outbox, "APPLY", APPLY.replace(part, broken))
    with pytest.raises(AssertionError, match="tally says"):
        await check_that_everything_is_accounted_for(ledger)
