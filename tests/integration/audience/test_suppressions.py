"""Suppressions are added once, listed, removed, and belong to one merchant."""

from __future__ import annotations

from typing import Any

from tests.factories import Person
from tests.fixtures_people import assert_hidden_from
from tests.integration.notifications.sending import wrong_fields

PATH = "/v1/suppressions"


def add(person: Person, address: str = "ann@Example.com", **fields: Any) -> Any:
    return person.post(PATH, {"channel": "email", "address": address, **fields})


def test_an_address_is_suppressed_once_in_its_one_spelling(alice: Person) -> None:
    first, again = add(alice, reason="complaint"), add(alice, "ann@example.com")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (first.json()["address"], first.json()["reason"]) == ("ann@example.com", "complaint")


def test_a_suppression_is_removed_by_its_merchant_only(alice: Person, charlie: Person) -> None:
    path = f"{PATH}/{add(alice).json()['id']}"
    assert_hidden_from(charlie, "DELETE", path)
    assert_hidden_from(alice.live(), "DELETE", path)
    assert alice.delete(path).status_code == 204
    assert_hidden_from(alice, "DELETE", path)
    assert_hidden_from(alice, "DELETE", f"{PATH}/word")


def test_the_list_is_newest_first_and_by_channel(alice: Person, charlie: Person) -> None:
    made = [add(alice, f"a{n}@example.com").json()["id"] for n in range(3)]
    phone = alice.post(PATH, {"channel": "sms", "address": "+12025550123"}).json()["id"]
    page = alice.get(f"{PATH}?limit=2").json()
    assert [e["id"] for e in page["entries"]] == [phone, made[2]]
    rest = alice.get(f"{PATH}?after={page['page_info']['after']}").json()
    assert [e["id"] for e in rest["entries"]] == [made[1], made[0]]
    assert [e["id"] for e in alice.get(f"{PATH}?channel=sms").json()["entries"]] == [phone]
    assert charlie.get(PATH).json()["entries"] == []
    assert wrong_fields(alice.get(f"{PATH}?after=x")) == [("after", "unknown_cursor")]


def test_what_cannot_be_suppressed_is_said(alice: Person, bob: Person) -> None:
    assert wrong_fields(add(alice, "nobody")) == [("address", "bad_address")]
    assert wrong_fields(alice.post(PATH, {"channel": "pigeon", "address": "x"})) == [("channel", "unknown_channel")]
    assert add(bob).status_code == 403
