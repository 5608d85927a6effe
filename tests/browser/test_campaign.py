"""A campaign's page moves while somebody looks at it, at both widths, from a real server, without a complaint."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.states import State
from techrar.live.ping import ping
from tests.factories import PASSWORD, Person
from tests.support.campaigns import House
from tests.support.daphne import daphne
from tests.support.ledger import Ledger, ledger

__all__ = ["ledger"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SCREENS = Path(__file__).resolve().parents[2] / "build" / "screens"


@pytest.fixture(scope="module", autouse=True)
def django_beside_a_loop() -> Iterator[None]:
    """Playwright runs a loop in this thread, and Django would take that for async code."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(params=[1280, 390], ids=["wide", "narrow"])
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": request.param, "height": 900})
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
    assert complaints == []


def test_the_numbers_move_while_one_looks(page: Page, alice: Person, ledger: Ledger, tmp_path: Path) -> None:
    house = House(ledger.connection, alice.merchant)
    house.fill(200, gap=25)
    house.template()
    campaign = house.draft(name="Spring flowers for everybody", variants=[{}, {"name": "B"}])
    run = house.launch(campaign)
    house.expand()
    waiting = [row.id for row in ledger.all("SELECT id FROM delivery WHERE state = 2 ORDER BY id")]
    with daphne(tmp_path) as web:
        page.goto(f"{web}/campaigns/{campaign.id}")
        page.get_by_label("E-mail").fill(alice.member.user.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("[data-live=line]")).to_have_text("Live")
        expect(page.locator("strong[data-count=pending]")).to_have_text("192")
        settle(house, waiting[:100], State.DELIVERED)
        settle(house, waiting[100:120], State.SENT)
        settle(house, waiting[120:126], State.BOUNCED)
        ping([(run.merchant_id, run.id)])
        expect(page.locator("strong[data-count=delivered]")).to_have_text("100")
        expect(page.locator("strong[data-count=pending]")).to_have_text("66")
        expect(page.locator("[data-live=counted]")).to_have_text("200")
        width = page.locator("rect[data-states=delivered]").get_attribute("width")
        assert float(str(width)) == 500
        SCREENS.mkdir(parents=True, exist_ok=True)
        across = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=SCREENS / f"campaign-{across}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= across
        page.goto(f"{web}/campaigns")
        page.get_by_role("link", name="Spring flowers for everybody").wait_for()
        page.screenshot(path=SCREENS / f"campaigns-{across}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= across


def settle(house: House, identifiers: list[object], state: State) -> None:
    moves = [Move(i, state, kind=state.word) for i in identifiers]  # type: ignore[arg-type]
    house.connection.execute(APPLY, parameters(moves, shard=0))
