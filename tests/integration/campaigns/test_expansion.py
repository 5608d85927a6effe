"""A run becomes deliveries: each recipient once, the unreachable and the suppressed as skipped, everything counted."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from django.db import connection

from abtest.hashing import cutoffs, variant
from techrar.audience import services as audience
from techrar.campaigns import services
from techrar.campaigns.expansion import ChunkFailed, Expansion
from techrar.campaigns.models import Campaign
from techrar.campaigns.runner import Runner
from techrar.core.ids import run_delivery_id, run_prefix
from techrar.core.mode import Mode
from techrar.ledger.states import State
from tests.support.campaigns import ACTOR, House
from tests.support.ledger import Ledger, session, wait_until_blocked


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "CHUNK", 10)


def deliveries(ledger: Ledger) -> list[Any]:
    return ledger.all(
        "SELECT d.*, r.external_id FROM delivery d JOIN recipient r ON r.id = d.recipient_id ORDER BY d.id"
    )


def test_everybody_is_written_to_once_or_skipped_with_a_reason(house: House, ledger: Ledger) -> None:
    house.fill(35, gap=7)
    house.suppress(1, 2)
    house.template()
    run = house.launch(house.draft())
    assert house.expand() == 35
    found = deliveries(ledger)
    assert [d.external_id for d in found] == [f"cust_{n}" for n in range(1, 36)]  # ids rise with recipients
    assert [d.id for d in found] == [run_delivery_id(run_prefix(run.ms, run.id), d.recipient_id, 1) for d in found]
    assert {(State(d.state), d.reason) for d in found} == {
        (State.ACCEPTED, ""),
        (State.SKIPPED, "unreachable"),
        (State.SKIPPED, "suppressed"),
    }
    assert ledger.tally() == {"pending": 28, "skipped": 7}
    first = found[2]
    assert (first.address, first.flow_id, first.run_id) == ("person3@example.com", run.flow_id, run.id)
    assert (first.category, first.priority, first.channel, first.mode) == ("marketing", 3, "email", 0)
    assert {d.relay_at is None for d in found if d.reason} == {True}
    ledger.assert_balanced()


def test_the_segment_chooses_as_of_the_launch(house: House, ledger: Ledger) -> None:
    house.fill(30)
    house.template()
    gold = {"rule": "attribute", "name": "n", "type": "number", "op": "at_most", "value": 20}
    house.launch(house.draft(segment={"all": [{"rule": "country", "one_of": ["DE"]}, gold]}))
    assert house.expand() == 10
    assert {int(d.external_id[5:]) for d in deliveries(ledger)} == set(range(2, 21, 2))


def test_who_comes_after_the_launch_is_not_part_of_it(house: House, ledger: Ledger) -> None:
    house.fill(5)
    house.template()
    house.launch(house.draft())
    audience.upsert(merchant_id=house.merchant.id, mode=Mode.TEST, recipients=[("late", {"email": "l@example.com"})])
    assert house.expand() == 5


def test_variants_are_dealt_as_python_deals_them(house: House, ledger: Ledger) -> None:
    house.fill(200)
    house.template()
    run = house.launch(house.draft([{"weight": 2}, {"name": "B", "weight": 1}, {"name": "C", "weight": 0}]))
    house.expand()
    cuts = cutoffs([2, 1, 0])
    dealt = {d.recipient_id: d.variant for d in deliveries(ledger)}
    assert dealt == {recipient: variant(run.id, recipient, cuts) for recipient in dealt}
    assert set(dealt.values()) == {0, 1}
    ledger.assert_balanced()


def test_a_chunk_that_is_forgotten_and_expanded_again_inserts_nothing(house: House, ledger: Ledger) -> None:
    house.fill(15)
    house.template()
    run = house.launch(house.draft())
    house.expand()
    before = ledger.tally()
    assert house.expand() == 0
    ledger.connection.execute("UPDATE chunk SET done_at = NULL WHERE number = 0")
    with pytest.raises(ChunkFailed, match=f"chunk 0 of run {run.id}") as failed:
        house.expand()
    assert isinstance(failed.value.__cause__, psycopg.errors.UniqueViolation)
    assert (ledger.count("delivery"), ledger.tally()) == (15, before)


def test_a_run_that_cannot_go_on_is_held_and_the_others_go_on(house: House, ledger: Ledger) -> None:
    house.fill(15)
    house.template()
    broken, well = house.launch(house.draft()), house.launch(house.draft())
    house.expand()
    ledger.connection.execute("UPDATE chunk SET done_at = NULL WHERE run_id = %s", (broken.id,))
    runner = Runner(ledger.connection)
    while runner.round():
        pass
    campaign = Campaign.objects.get(id=broken.campaign_id)
    assert (campaign.state, "duplicate key" in campaign.trouble) == ("paused", True)
    assert Campaign.objects.get(id=well.campaign_id).state == "running"
    assert ledger.one("SELECT state FROM flow WHERE id = %s", (broken.flow_id,)) == 4  # held


def test_two_dispatchers_share_the_chunks(house: House, ledger: Ledger, dsn: str) -> None:
    house.fill(25)
    house.template()
    house.launch(house.draft())
    with session(dsn) as other, ledger.connection.transaction():
        mine = Expansion(ledger.connection).one()
        theirs = [Expansion(other).one() for _ in range(3)]
    assert mine is not None
    assert [e and e.planned for e in theirs] == [10, 5, None]
    assert ledger.tally() == {"pending": 25}
    ledger.assert_balanced()


def test_a_dispatcher_that_dies_in_a_chunk_has_written_nothing_of_it(house: House, ledger: Ledger, dsn: str) -> None:
    house.fill(25)
    house.template()
    house.launch(house.draft())
    dying = psycopg.connect(dsn)
    dying.execute("SELECT")  # opens a transaction, so that the chunk's own does not commit
    done = Expansion(dying).one()
    assert done is not None
    assert done.planned == 10
    ledger.connection.execute("SELECT pg_terminate_backend(%s, 2000)", (dying.info.backend_pid,))
    dying.close()
    assert ledger.count("delivery") == 0
    assert house.expand() == 25
    ledger.assert_balanced()


def test_each_run_begins_before_any_ends(house: House, ledger: Ledger) -> None:
    house.fill(30)
    house.template()
    first, second = house.launch(house.draft()), house.launch(house.draft())
    expansion = Expansion(ledger.connection)
    order = [done.run_id for _ in range(4) if (done := expansion.one())]
    assert order == [first.id, second.id, first.id, second.id]
    assert first.ms < second.ms


def test_a_paused_run_does_not_stand_before_the_others(house: House, ledger: Ledger) -> None:
    house.fill(25)
    house.template()
    paused = house.draft()
    house.launch(paused)
    services.pause(paused, actor=ACTOR, now=paused.created_at)
    other = house.launch(house.draft())
    assert house.expand() == 25
    assert ledger.one("SELECT array_agg(DISTINCT run_id) FROM delivery") == [other.id]


def test_after_a_pause_is_answered_nothing_more_is_written(house: House, ledger: Ledger, dsn: str) -> None:
    house.fill(25)
    house.template()
    campaign = house.draft()
    house.launch(campaign)
    with session(dsn) as other:
        other.execute("BEGIN")
        Expansion(other).one()

        def pause() -> None:
            services.pause(campaign, actor=ACTOR, now=campaign.created_at)
            connection.close()

        thread = threading.Thread(target=pause)
        thread.start()
        wait_until_blocked(ledger, by=other.info.backend_pid)
        other.execute("COMMIT")
        thread.join(10)
    assert ledger.count("delivery") == 10
    assert house.expand() == 0


def test_nobody_in_the_audience_is_a_campaign_that_is_over(house: House, ledger: Ledger) -> None:
    house.template()
    campaign = house.draft()
    house.launch(campaign)
    assert house.expand() == 0
    house.look()
    assert Campaign.objects.get(id=campaign.id).state == "completed"


def test_a_channel_whose_addresses_are_not_kept_reaches_nobody(house: House, ledger: Ledger) -> None:
    house.fill(3)
    house.template(content={"push": {"title": "Hello", "body": "You"}})
    house.launch(house.draft(channel="push"))
    assert house.expand() == 3
    assert {d.reason for d in deliveries(ledger)} == {"unreachable"}
