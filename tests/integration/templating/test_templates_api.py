"""What does a merchant's program get when it manages templates?"""

from __future__ import annotations

from typing import Any

import pytest

from techrar.core.mode import Mode
from techrar.merchants.models import Role
from tests.factories import Person, make_person
from tests.fixtures_people import assert_hidden_from

CONTENT = {"sms": {"text": "Order {{ number }} left"}, "email": {"subject": "{{ number }}", "text": "It left."}}
OTHER = {"sms": {"text": "{{ number }} is on its way"}}
BROKEN = {"sms": {"text": "{{"}}
PATH = "/v1/templates/order_shipped"


def make(person: Person, **fields: Any) -> Any:
    body = {"key": "order_shipped", "content": CONTENT, **fields}
    answer = person.post("/v1/templates", body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def errors(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def test_a_template_is_made_published_and_read_again(alice: Person) -> None:
    made = make(alice, name="Shipped", category="transactional", translations={"pt": OTHER})
    assert made["published_version"] == 1
    assert made["version"] == {
        "number": 1,
        "state": "published",
        "created_at": made["created_at"],
        "created_by": f"key:{alice.key_id}",
        "published_at": made["created_at"],
        "content": CONTENT,
        "translations": {"pt": OTHER},
    }
    assert alice.get(PATH).json() == made
    (entry,) = alice.get("/v1/templates").json()["entries"]
    assert entry == {key: value for key, value in made.items() if key != "version"}


def test_fields_that_are_null_are_fields_left_out(alice: Person) -> None:
    content = {"email": {"subject": "x", "text": "y", "html": None, "preheader": None}, "sms": None}
    assert make(alice, content=content)["version"]["content"] == {"email": {"subject": "x", "text": "y"}}


def test_versions_are_added_published_and_rolled_back(alice: Person) -> None:
    make(alice)
    draft = alice.post(f"{PATH}/versions", {"content": OTHER})
    assert draft.status_code == 201
    assert (draft.json()["version"]["number"], draft.json()["published_version"]) == (2, 1)
    assert alice.post(f"{PATH}/publish", {"version": 2}).json()["published_version"] == 2
    assert alice.get(PATH).json()["version"]["content"] == OTHER
    assert alice.post(f"{PATH}/publish", {"version": 1}).json()["published_version"] == 1
    assert alice.get(f"{PATH}/versions/2").json()["state"] == "retired"
    assert alice.post(f"{PATH}/publish", {"version": 9}).status_code == 404
    for number in ("9", "0", "-1", "99999999999999999999"):
        assert alice.get(f"{PATH}/versions/{number}").status_code == 404


def test_lists_are_paged(alice: Person) -> None:
    for key in ("c", "a", "b"):
        make(alice, key=key)
    first = alice.get("/v1/templates?limit=2").json()
    assert [entry["key"] for entry in first["entries"]] == ["a", "b"]
    assert first["page_info"] == {"after": "b", "has_more": True}
    rest = alice.get("/v1/templates?limit=2&after=b").json()
    assert [entry["key"] for entry in rest["entries"]] == ["c"]
    assert rest["page_info"] == {"after": None, "has_more": False}

    alice.post("/v1/templates/a/versions", {"content": OTHER})
    newest = alice.get("/v1/templates/a/versions?limit=1").json()
    assert [entry["number"] for entry in newest["entries"]] == [2]
    older = alice.get(f"/v1/templates/a/versions?after={newest['page_info']['after']}").json()
    assert [entry["number"] for entry in older["entries"]] == [1]
    assert errors(alice.get("/v1/templates/a/versions?after=x")) == [("after", "unknown_cursor")]


def test_a_template_that_cannot_be_rendered_safely_is_not_saved(alice: Person) -> None:
    content = {"email": {"subject": "{{ 'a' * 10**9 }}", "text": "one\n{{ name.upper() }}"}, "sms": {"text": "{{ a"}}
    answer = alice.post("/v1/templates", {"key": "x", "content": content})
    assert errors(answer) == [
        ("content.email.subject", "not_allowed"),
        ("content.email.text", "not_allowed"),
        ("content.sms.text", "syntax_error"),
    ]
    messages = [error["message"] for error in answer.json()["errors"]]
    assert messages[1] == "Line 2: calls are not available; use a filter, such as name|upper."
    assert answer.json()["code"] == "template_invalid"
    assert alice.get("/v1/templates/x").status_code == 404


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"key": "x"}, "content", "required"),
        ({"key": "x", "content": {}}, "content", "required"),
        ({"key": "x", "content": {"pigeon": {}}}, "content.pigeon", "unknown_field"),
        ({"key": "x", "content": {"sms": {"txt": "a"}}}, "content.sms.text", "required"),
        ({"key": "X", "content": OTHER}, "key", "invalid"),
        ({"key": "x", "content": OTHER, "category": "No Way"}, "category", "invalid"),
        ({"key": "x", "content": OTHER, "translations": {"pt_br": OTHER}}, "translations.pt_br", "invalid"),
        ({"key": "x", "content": OTHER, "translations": {"pt": BROKEN}}, "translations.pt.sms.text", "syntax_error"),
        ({"key": "x", "content": {"sms": {"text": "\u0007"}}}, "content.sms.text", "control_character"),
        ({"key": "x", "content": OTHER, "puplish": True}, "puplish", "unknown_field"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(alice: Person, body: dict[str, Any], field: str, code: str) -> None:
    assert (field, code) in errors(alice.post("/v1/templates", body))


def test_a_key_that_is_taken_is_a_conflict(alice: Person) -> None:
    make(alice)
    answer = alice.post("/v1/templates", {"key": "order_shipped", "content": OTHER})
    assert answer.status_code == 409
    assert "add a version" in answer.json()["detail"]


def test_an_archived_template_is_gone_and_its_key_free(alice: Person) -> None:
    make(alice)
    answer = alice.delete(PATH)
    assert (answer.status_code, answer.content) == (204, b"")
    assert alice.get(PATH).status_code == 404
    assert alice.delete(PATH).status_code == 404
    assert alice.get("/v1/templates").json()["entries"] == []
    assert make(alice)["version"]["number"] == 1


def test_a_preview_renders_every_channel_in_the_nearest_locale(alice: Person) -> None:
    make(alice, translations={"pt": {"sms": {"text": "Pedido {{ number }}, {{ recipient.name }}"}}})
    body = {"data": {"number": 42}, "to": {"name": "Ana"}, "locale": "pt-BR"}
    assert alice.post(f"{PATH}/preview", body).json() == {
        "version": 1,
        "locales": {"sms": "pt", "email": ""},
        "content": {"sms": {"text": "Pedido 42, Ana"}, "email": {"subject": "42", "text": "It left."}},
    }


def test_a_preview_of_one_channel_and_version(alice: Person) -> None:
    make(alice)
    alice.post(f"{PATH}/versions", {"content": OTHER})
    body = {"data": {"number": 42}, "channel": "sms", "version": 2}
    assert alice.post(f"{PATH}/preview", body).json()["content"] == {"sms": {"text": "42 is on its way"}}
    assert errors(alice.post(f"{PATH}/preview", {**body, "channel": "push"})) == [("channel", "no_content")]
    assert alice.post(f"{PATH}/preview", {**body, "version": 3}).status_code == 404


def test_a_draft_can_be_previewed_before_anything_is_published(alice: Person) -> None:
    make(alice, publish=False)
    answer = alice.post(f"{PATH}/preview", {"data": {"number": 1}})
    assert answer.json()["version"] == 1
    assert alice.get(PATH).json()["published_version"] is None


def test_a_preview_names_what_is_missing(alice: Person) -> None:
    make(
        alice,
        content={"sms": {"text": "{{ order.total }} {{ recipient.name }}"}, "push": {"title": "{{ a }}", "body": "b"}},
    )
    answer = alice.post(f"{PATH}/preview", {"data": {}})
    assert errors(answer) == [("data.a", "missing_variable"), ("data.order.total", "missing_variable")]
    assert answer.json()["code"] == "missing_variable"


def test_reading_needs_read_and_changing_needs_send(alice: Person) -> None:
    make(alice)
    reader = make_person(alice.merchant, Role.VIEWER, ["read"])
    sender = make_person(alice.merchant, Role.DEVELOPER, ["send"])
    assert reader.get(PATH).status_code == 200
    assert reader.post(f"{PATH}/preview", {"data": {"number": 1}}).status_code == 200
    assert reader.post("/v1/templates", {"key": "y", "content": OTHER}).status_code == 403
    assert reader.post(f"{PATH}/versions", {"content": OTHER}).status_code == 403
    assert reader.post(f"{PATH}/publish", {"version": 1}).status_code == 403
    assert reader.delete(PATH).status_code == 403
    assert sender.get(PATH).status_code == 403
    assert sender.post(f"{PATH}/versions", {"content": OTHER}).status_code == 201


def test_test_and_live_do_not_see_each_other(alice: Person) -> None:
    make(alice)
    assert alice.mode is Mode.TEST
    assert alice.live().get(PATH).status_code == 404
    assert make(alice.live())["version"]["number"] == 1


def test_charlie_gets_404(alice: Person, charlie: Person) -> None:
    make(alice)
    for method, path, body in (
        ("GET", PATH, None),
        ("DELETE", PATH, None),
        ("GET", f"{PATH}/versions", None),
        ("GET", f"{PATH}/versions/1", None),
        ("POST", f"{PATH}/versions", {"content": OTHER}),
        ("POST", f"{PATH}/publish", {"version": 1}),
        ("POST", f"{PATH}/preview", {"data": {}}),
    ):
        assert_hidden_from(charlie, method, path, body)
    assert charlie.get("/v1/templates").json()["entries"] == []
