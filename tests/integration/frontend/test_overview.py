"""The first page: what happened, for this merchant and mode only, and how to send a message."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from frontend.counts import GROUPS
from techrar.ledger.states import State
from tests.factories import Person, make_member

OWN = re.compile(r'(?:src|href|action)="(?!/|\?|#)[^"]*"')


def page(client: Client, path: str = "/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def sent(person: Person) -> str:
    message = {
        "to": {"email": "delivered@sandbox.test"},
        "channels": ["email"],
        "content": {"email": {"subject": "Hello", "text": "It works."}},
    }
    answer = person.post("/v1/notifications", message)
    assert answer.status_code == 202, answer.content
    return str(answer.json()["id"])


def test_before_the_first_message_the_page_says_how_to_send_it(alice: Person) -> None:
    shown = page(alice.signed_in())
    assert "Nothing was sent yet" in shown
    assert "/v1/notifications" in shown
    assert "Merchant A" in shown


def test_the_latest_notifications_are_those_of_this_merchant_and_mode(alice: Person, charlie: Person) -> None:
    mine = sent(alice)
    assert mine in page(alice.signed_in())
    assert mine not in page(alice.signed_in(), "/?mode=live")
    assert mine not in page(charlie.signed_in())


def test_every_delivery_of_the_day_is_in_one_of_the_numbers(alice: Person, charlie: Person) -> None:
    assert "0 deliveries today" in page(alice.signed_in())
    sent(alice)
    sent(alice)
    shown = page(alice.signed_in())
    assert "2 deliveries today" in shown
    assert "<strong>2</strong><span>On the way</span>" in shown
    assert "0 deliveries today" in page(charlie.signed_in())


def test_no_state_is_left_out_or_counted_twice() -> None:
    grouped = [state for _, _, states in GROUPS for state in states]
    finished = {state.word for state in State if not state.pending}
    assert sorted(grouped) == sorted({"pending", *finished})


def test_the_mode_is_remembered(alice: Person) -> None:
    browser = alice.signed_in()
    assert "With a test key" in page(browser)
    assert "With a live key" in page(browser, "/?mode=live")
    assert "With a live key" in page(browser)
    assert "With a live key" in page(browser, "/?mode=nonsense")


def test_a_member_of_two_merchants_chooses_and_a_stranger_cannot(alice: Person, charlie: Person) -> None:
    both = alice.signed_in()
    slug = charlie.merchant.slug
    assert "Merchant B" not in page(both, f"/?merchant={slug}")
    make_member(charlie.merchant, email="unrelated@example.com")
    charlie.merchant.members.create(user=alice.user, role="viewer")
    assert "<title>Overview · Merchant B" in page(both, f"/?merchant={slug}")
    assert "<title>Overview · Merchant B" in page(both)
    assert "<title>Overview · Merchant A" in page(both, f"/?merchant={alice.merchant.slug}")


def test_somebody_without_a_merchant_is_told_what_to_do(alice: Person) -> None:
    browser = alice.signed_in()
    alice.member.delete()
    answer = browser.get("/")
    assert answer.status_code == 403
    assert "Ask an owner" in answer.content.decode()


def test_a_name_cannot_bring_markup(alice: Person) -> None:
    alice.merchant.name = "<script>alert(1)</script>"
    alice.merchant.save()
    assert "<script>alert" not in page(alice.signed_in())


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing", "/v1/docs"])
def test_pages_hold_nothing_inline_and_load_nothing_from_elsewhere(alice: Person, path: str) -> None:
    answer = (alice.client if path == "/sign-in" else alice.signed_in()).get(path)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    shown = answer.content.decode()
    assert "style=" not in shown
    assert "<style" not in shown
    assert re.search(r"\son\w+=", shown) is None
    assert re.findall(r"<script(?![^>]*(?:src=|application/json))", shown) == []
    assert OWN.findall(shown) == []


@pytest.mark.parametrize(
    "file", ["techrar/app.css", "techrar/app.js", "techrar/mark.svg", "ninja/swagger-ui-bundle.js"]
)
def test_what_pages_load_is_served(anonymous: Client, file: str) -> None:
    assert anonymous.get(f"/static/{file}").status_code == 200
