"""Law 3: reserve, then publish; claim, then acknowledge; claim, call, outcome: each committed before the next begins.

And nobody holds a transaction while a vendor or a broker is asked. An observer with a session of its own looks at what
is committed in each of these moments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from uuid_utils.compat import uuid7

from consumers.engine.intake import Cut, Intake
from consumers.engine.ledger import LedgerSource, LedgerTaken
from providers.base import accepted
from providers.messages import Message, Outcome
from techrar.broker.envelope import Envelope
from techrar.dispatch import relay
from techrar.dispatch.relay import Relay
from techrar.ledger import claims
from techrar.ledger.states import State
from tests.support.engine import Vendor, running, until
from tests.support.ledger import Ledger

Broken = Callable[[pytest.MonkeyPatch], None]


class Observer:
    """What was wrong when somebody took the next step."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.seen: set[str] = set()
        self.moments: set[str] = set()

    def publishing(self, envelope: Envelope) -> None:
        self.moments.add("publish")
        query = "SELECT count(*) FROM delivery WHERE id = ANY(%s) AND held_by = %s"
        if self.ledger.one(query, (envelope.ids, envelope.publish_id)) < len(envelope.ids):
            self.seen.add("published before it was reserved")
        self.idle("relay")

    def acknowledging(self, envelope: Envelope) -> None:
        self.moments.add("acknowledge")
        query = "SELECT count(*) FROM delivery WHERE id = ANY(%s) AND state = %s AND held_by = %s"
        if self.ledger.one(query, (envelope.ids, State.QUEUED, envelope.publish_id)):
            self.seen.add("acknowledged before it was claimed")

    def calling(self, message: Message) -> Outcome:
        self.moments.add("call")
        held = (
            "SELECT d.state, EXISTS (SELECT FROM begun b WHERE b.claim_id = d.held_by AND d.id = ANY(b.ids)) AS noted"
        )
        (row,) = self.ledger.all(held + " FROM delivery d WHERE d.id = %s", (message.delivery_id,))
        if row.state != State.SENDING:
            self.seen.add("called before it was claimed")
        if not row.noted:
            self.seen.add("called before it was noted")
        for purpose in ("claim", "begin", "flush", "lookup"):
            self.idle(purpose)
        return accepted(message)

    def idle(self, purpose: str) -> None:
        """Whoever waits for somebody else's answer may not keep a transaction open meanwhile."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE %s"
        if self.ledger.one(f"{query} AND application_name LIKE %s", ("idle in transaction%", f"techrar-%{purpose}")):
            self.seen.add(f"{purpose}: a transaction is open")


class Watched(LedgerSource):
    def __init__(self, ledger: Ledger, observer: Observer) -> None:
        super().__init__(ledger.dsn, ["email"], name="techrar test consumer", new_id=uuid7)
        self.observer = observer

    def publish(self, envelopes: Sequence[Envelope], *, deadline: float) -> set[UUID]:
        for envelope in envelopes:
            self.observer.publishing(envelope)
        return super().publish(envelopes, deadline=deadline)

    async def next(self) -> LedgerTaken:
        taken = await super().next()
        return WatchedTaken(taken.envelope, self)


class WatchedTaken(LedgerTaken):
    _source: Watched

    async def ack(self) -> None:
        self._source.observer.acknowledging(self.envelope)


async def what_was_wrong(ledger: Ledger) -> set[str]:
    observer = Observer(ledger)
    ledger.accept(60)
    vendor = Vendor()
    vendor.answer = observer.calling
    async with running(ledger.dsn, vendor, Watched(ledger, observer)):
        await until(lambda: ledger.states() == {"sent": 60})
    assert observer.moments == {"publish", "acknowledge", "call"}
    return observer.seen


async def test_each_step_is_committed_before_the_next_and_no_transaction_stays_open(ledger: Ledger) -> None:
    assert await what_was_wrong(ledger) == set()


def publish_in_the_same_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    reserve, publish = relay.reserve, Relay._publish

    def without_commit(connection: Any, **options: Any) -> Any:
        if not connection.info.transaction_status:
            connection.execute("BEGIN")
        return reserve(connection, **options)

    def and_commit(self: Relay, envelopes: list[Envelope]) -> int:
        done = publish(self, envelopes)
        self.connection.execute("COMMIT")
        return done

    monkeypatch.setattr(relay, "reserve", without_commit)
    monkeypatch.setattr(Relay, "_publish", and_commit)


def acknowledge_first(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = Intake._claim_part

    async def hasty(self: Intake, part: Cut) -> None:
        for waiting in part.emptied:
            await waiting.taken.ack()
        await claim(self, part)

    monkeypatch.setattr(Intake, "_claim_part", hasty)


def note_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def begin(
        _: AsyncConnection[Any], *, claims: Sequence[UUID], ids: Sequence[UUID], margin: float
    ) -> set[UUID]:
        return set(claims)

    monkeypatch.setattr(claims, "begin", begin)


def note_without_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = claims.begin

    async def open_end(connection: AsyncConnection[Any], **options: Any) -> set[UUID]:
        await connection.execute("COMMIT")
        await connection.execute("BEGIN")
        return await begin(connection, **options)

    monkeypatch.setattr(claims, "begin", open_end)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("break_it", "noticed"),
    [
        (publish_in_the_same_transaction, {"published before it was reserved", "relay: a transaction is open"}),
        (acknowledge_first, {"acknowledged before it was claimed"}),
        (note_nothing, {"called before it was noted"}),
        (note_without_commit, {"called before it was noted", "begin: a transaction is open"}),
    ],
)
async def test_two_steps_that_change_places_would_be_noticed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, break_it: Broken, noticed: set[str]
) -> None:
    break_it(monkeypatch)
    assert await what_was_wrong(ledger) == noticed
