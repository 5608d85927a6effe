"""The pages of campaigns: right without a script, and the same numbers as the API's."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client

from tests.factories import Person
from tests.support.campaigns import House
from tests.support.ledger import Ledger, ledger

__all__ = ["ledger"]


@pytest.fixture
def house(transactional_db: None, alice: Person, ledger: Ledger) -> House:  # pytest's way
    found = House(ledger.connection, alice.merchant)
    found.fill(30, gap=10)
    found.template()
    return found


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_page_says_where_every_delivery_is(house: House, alice: Person) -> None:
    campaign = house.draft(variants=[{}, {"name": "B"}])
    house.launch(campaign)
    house.expand()
    shown = page(alice.signed_in(), f"/campaigns/{campaign.id}")
    assert '<strong data-live="planned">30</strong>' in shown
    assert '<strong data-live="counted">30</strong>' in shown
    assert '<strong data-count="pending">27</strong>' in shown
    assert '<strong data-count="skipped cancelled">3</strong>' in shown
    assert f'data-socket="/ws/v1/campaigns/{campaign.id}"' in shown
    widths = [float(width) for width in re.findall(r'<rect[^>]*width="([^"]*)"', shown)]
    assert sum(widths) == pytest.approx(1000, abs=0.1)
    assert len(re.findall(r"<tr data-variant=", shown)) == 2


def test_a_draft_has_a_page_too(house: House, alice: Person) -> None:
    campaign = house.draft()
    shown = page(alice.signed_in(), f"/campaigns/{campaign.id}")
    assert 'data-live="state">draft<' in shown
    assert '<strong data-live="planned">0</strong>' in shown


def test_what_stopped_it_is_said(house: House, alice: Person) -> None:
    campaign = house.draft()
    house.launch(campaign)
    house.now(campaign).runs.update(state="paused")
    type(campaign).objects.update(state="paused", trouble="The sum is <b>off</b>.")
    shown = page(alice.signed_in(), f"/campaigns/{campaign.id}")
    assert "The sum is &lt;b&gt;off&lt;/b&gt;." in shown


def test_the_list_leads_to_them(house: House, alice: Person) -> None:
    assert "There is no campaign yet" in page(alice.signed_in(), "/campaigns")
    first, second = house.draft(name="First"), house.draft(name="Second")
    shown = page(alice.signed_in(), "/campaigns")
    assert shown.index(f'href="/campaigns/{second.id}"') < shown.index(f'href="/campaigns/{first.id}"')


def test_a_long_list_has_a_next_page(house: House, alice: Person) -> None:
    drafts = [house.draft(name=f"Number {n}") for n in range(51)]
    browser = alice.signed_in()
    last = str(drafts[0].id)
    assert last not in page(browser, "/campaigns")
    assert last in page(browser, f"/campaigns?after={drafts[1].id}")
    assert browser.get("/campaigns?after=nonsense").status_code == 404


def test_others_campaigns_do_not_exist(house: House, alice: Person, charlie: Person) -> None:
    campaign = house.draft(name="Ours alone")
    stranger = charlie.signed_in()
    assert stranger.get(f"/campaigns/{campaign.id}").status_code == 404
    assert "Ours alone" not in page(stranger, "/campaigns")
    assert alice.signed_in().get(f"/campaigns/{campaign.id}?mode=live").status_code == 404


def test_a_stranger_signs_in_first(house: House, anonymous: Client) -> None:
    for path in ("/campaigns", f"/campaigns/{house.draft().id}"):
        answer = anonymous.get(path)
        assert (answer.status_code, answer["Location"]) == (302, f"{settings.LOGIN_URL}?next={path}")


def test_they_hold_nothing_inline(house: House, alice: Person) -> None:
    campaign = house.draft()
    house.launch(campaign)
    for path in ("/campaigns", f"/campaigns/{campaign.id}"):
        shown = page(alice.signed_in(), path)
        assert "style=" not in shown
        assert re.search(r"\son\w+=", shown) is None
        assert re.findall(r"<script(?![^>]*src=)", shown) == []
    assert alice.client.get("/static/techrar/campaign.js").status_code == 200
