"""A member signs in and sees what became of their messages, at both widths, without a complaint in the console."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.factories import PASSWORD, Person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SCREENS = Path(__file__).resolve().parents[2] / "build" / "screens"
CONTENT = {"email": {"subject": "Hello", "text": "It works."}}


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


def shoot(page: Page, name: str) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    width = page.viewport_size["width"] if page.viewport_size else 0
    page.screenshot(path=SCREENS / f"{name}-{width}.png", full_page=True)


def test_signing_in_shows_the_merchants_notifications(page: Page, alice: Person, live_server: object) -> None:
    sent = alice.post("/v1/notifications", {"to": {"email": "ann@example.com"}, "content": CONTENT}).json()
    page.goto(f"{live_server}/")
    shoot(page, "sign-in")
    page.get_by_label("E-mail").fill(alice.member.user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview").wait_for()
    shoot(page, "overview")
    assert page.get_by_text(sent["id"]).count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]


def test_a_stranger_sees_none_of_it(page: Page, alice: Person, charlie: Person, live_server: object) -> None:
    sent = alice.post("/v1/notifications", {"to": {"email": "ann@example.com"}, "content": CONTENT}).json()
    page.goto(f"{live_server}/")
    page.get_by_label("E-mail").fill(charlie.member.user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview").wait_for()
    assert page.get_by_text(sent["id"]).count() == 0
