"""Members come in by password, and guessing one does not work for long."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.test import Client

from tests.factories import PASSWORD, Person, make_client

ROOT = Path(__file__).resolve().parents[3]


def sign_in(client: Client, person: Person, password: str = PASSWORD, **fields: str) -> HttpResponse:
    return client.post("/sign-in", {"email": person.user.email, "password": password, **fields})


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def test_a_member_comes_in_and_leaves(alice: Person) -> None:
    browser = make_client()
    assert browser.get("/")["Location"] == "/sign-in?next=/"
    assert sign_in(browser, alice)["Location"] == "/"
    assert is_in(browser)
    assert browser.get("/sign-in").status_code == 302
    assert browser.post("/sign-out").status_code == 302
    assert not is_in(browser)


def test_leaving_needs_a_click_and_not_a_link(alice: Person) -> None:
    browser = alice.signed_in()
    assert browser.get("/sign-out").status_code == 405
    assert is_in(browser)


def test_the_address_is_found_whatever_its_case(alice: Person) -> None:
    browser = make_client()
    email = alice.user.email.upper()
    assert browser.post("/sign-in", {"email": f" {email} ", "password": PASSWORD}).status_code == 302


def test_a_wrong_password_and_an_unknown_address_are_told_alike(alice: Person) -> None:
    told = []
    for email in (alice.user.email, "nobody@example.com"):
        answer = make_client().post("/sign-in", {"email": email, "password": "wrong"})
        assert answer.status_code == 422
        told.append(answer.content.decode().split("notice bad")[1].split("</p>")[0])
    assert told[0] == told[1]


def test_a_form_without_the_token_is_refused(alice: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert sign_in(strict, alice).status_code == 403


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_nobody_is_sent_to_another_site_after_signing_in(alice: Person, elsewhere: str) -> None:
    assert sign_in(make_client(), alice, next=elsewhere)["Location"] == "/"


def test_the_page_that_was_wanted_comes_next(alice: Person) -> None:
    assert sign_in(make_client(), alice, next="/?mode=live")["Location"] == "/?mode=live"


def test_after_five_wrong_passwords_the_right_one_does_not_help(alice: Person, charlie: Person) -> None:
    browser = make_client()
    answers = [sign_in(browser, alice, "wrong").status_code for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert answers[:-1] == [422] * (settings.AXES_FAILURE_LIMIT - 1)
    locked = sign_in(browser, alice)
    assert locked.status_code == 429
    assert "15 minutes" in locked.content.decode()
    assert locked["Retry-After"] == "900"
    assert not is_in(browser)
    # Neither others at that address nor Alice somewhere else are locked out.
    assert sign_in(browser, charlie).status_code == 302
    assert sign_in(make_client(), alice).status_code == 302


def test_a_spelling_of_the_address_gives_no_more_tries(alice: Person) -> None:
    browser = make_client()
    for number in range(settings.AXES_FAILURE_LIMIT):
        email = alice.user.email.upper() if number % 2 else alice.user.email
        browser.post("/sign-in", {"email": email, "password": "wrong"})
    assert sign_in(browser, alice).status_code == 429


def test_the_lock_holds_below_the_form_as_well(alice: Person) -> None:
    browser = make_client()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        sign_in(browser, alice, "wrong")
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = browser.defaults["REMOTE_ADDR"]
    assert authenticate(request, email=alice.user.email, password=PASSWORD) is None


def test_nothing_of_ours_signs_in_asynchronously() -> None:
    """The asynchronous way is not guarded by django-axes: a locked-out person would come in."""
    ours = [path for folder in ("platform", "frontend", "consumers") for path in (ROOT / folder).rglob("*.py")]
    assert len(ours) > 50
    assert [str(path) for path in ours if "aauthenticate(" in path.read_text()] == []


def test_the_session_is_new_after_signing_in(alice: Person) -> None:
    browser = make_client()
    browser.get("/sign-in")
    browser.cookies[settings.SESSION_COOKIE_NAME] = "a-session-somebody-planted"
    sign_in(browser, alice)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie.value != "a-session-somebody-planted"
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
