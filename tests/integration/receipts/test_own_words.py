"""Opens and clicks that we see ourselves: which of them are a person's?"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import orjson
import pytest

from techrar.receipts import sql
from tests.integration.receipts.conftest import NOON, Desk, Said
from tests.support.ledger import Ledger


class Eye:
    """What the tracking endpoints keep."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.serial = 0

    def saw(self, kind: str, delivery: UUID, at: datetime, *, link: int = 0, machine: bool = False) -> None:
        self.serial += 1
        values = {
            "merchant": [1],
            "mode": [0],
            "event_id": [f"seen-{self.serial}"],
            "kind": [kind],
            "at": [at],
            "delivery_id": [delivery],
            "machine": [machine],
            "raw": [orjson.dumps({"link": link} if link else {}).decode()],
            "delay": 0,
        }
        self.ledger.connection.execute(sql.KEEP, values)


@pytest.fixture
def eye(ledger: Ledger) -> Eye:
    return Eye(ledger)


@pytest.fixture
def delivered(ledger: Ledger, desk: Desk) -> UUID:
    """At noon."""
    (delivery,) = ledger.accept()
    ledger.settle(ledger.take(ledger.flow()), account_id=5, at=NOON - timedelta(minutes=1))
    desk.store(Said("delivered", delivery))
    desk.apply()
    return delivery


def said(ledger: Ledger, delivery: UUID, kind: str) -> list[dict[str, object]]:
    return [event.detail for event in ledger.events(delivery) if event.kind == kind]


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_persons_open_and_click_are_in_the_timeline_and_on_the_row(
    ledger: Ledger, desk: Desk, eye: Eye, delivered: UUID
) -> None:
    eye.saw("opened", delivered, later(60))
    eye.saw("clicked", delivered, later(70), link=2)
    desk.apply()
    assert said(ledger, delivered, "opened") == [{"machine": False}]
    assert said(ledger, delivered, "clicked") == [{"machine": False, "link": 2}]
    row = ledger.row(delivered)
    assert (row.opened_at, row.clicked_at) == (later(60), later(70))


def test_a_machines_are_in_the_timeline_only(ledger: Ledger, desk: Desk, eye: Eye, delivered: UUID) -> None:
    eye.saw("opened", delivered, later(60), machine=True)
    eye.saw("clicked", delivered, later(60), link=1, machine=True)
    desk.apply()
    assert said(ledger, delivered, "opened") == [{"machine": True}]
    assert said(ledger, delivered, "clicked") == [{"machine": True, "link": 1}]
    row = ledger.row(delivered)
    assert (row.opened_at, row.clicked_at) == (None, None)


@pytest.mark.parametrize(("seconds", "machine"), [(-60, True), (-58.5, True), (0, True), (1.9, True), (2.1, False)])
def test_nobody_opens_a_message_within_two_seconds_of_its_sending_or_arrival(
    ledger: Ledger, desk: Desk, eye: Eye, delivered: UUID, seconds: float, machine: bool
) -> None:
    eye.saw("opened", delivered, later(seconds))
    desk.apply()
    assert said(ledger, delivered, "opened") == [{"machine": machine}]


def test_nobody_follows_three_links_in_two_seconds(ledger: Ledger, desk: Desk, eye: Eye, delivered: UUID) -> None:
    for link in (1, 2, 3):
        eye.saw("clicked", delivered, later(60 + link / 2), link=link)
    eye.saw("clicked", delivered, later(300), link=1)
    desk.apply(limit=1)
    desk.apply()
    assert [d["machine"] for d in said(ledger, delivered, "clicked")] == [True, True, True, False]
    assert ledger.row(delivered).clicked_at == later(300)


def test_the_same_link_three_times_or_two_links_may_be_a_person(
    ledger: Ledger, desk: Desk, eye: Eye, delivered: UUID
) -> None:
    for second, link in [(60, 1), (60.5, 1), (61, 1), (61.2, 2)]:
        eye.saw("clicked", delivered, later(second), link=link)
    desk.apply()
    assert {d["machine"] for d in said(ledger, delivered, "clicked")} == {False}


def test_a_vendor_that_says_it_was_a_machine_is_believed_and_its_times_are_its_own(
    ledger: Ledger, desk: Desk, delivered: UUID
) -> None:
    desk.store(Said("opened", delivered, at=later(1), machine=True), Said("opened", delivered, at=later(1)))
    desk.apply()
    assert sorted(str(d["machine"]) for d in said(ledger, delivered, "opened")) == ["False", "True"]


def test_what_names_another_merchants_message_is_not_applied(ledger: Ledger, desk: Desk, eye: Eye) -> None:
    (theirs,) = ledger.accept(merchant=2)
    eye.saw("opened", theirs, later(60))
    desk.apply()
    assert (ledger.row(theirs).opened_at, ledger.events(theirs)) == (None, [])
