"""In a batch a bad item fails alone, and says where it was wrong."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import Person
from tests.fixtures_people import assert_hidden_from
from tests.integration.notifications.sending import CONTENT, TO, count, message, wrong_fields


def batch(person: Person, messages: list[Any], **fields: Any) -> dict[str, Any]:
    answer = person.post("/v1/notifications/batch", {"messages": messages, **fields})
    assert answer.status_code == 202, answer.content
    told: dict[str, Any] = answer.json()
    return told


def refused(told: dict[str, Any]) -> dict[int, list[tuple[str, str]]]:
    """The wrong fields by index."""
    return {
        item["index"]: [(error["field"], error["code"]) for error in item["error"]["errors"]]
        for item in told["items"]
        if "error" in item
    }


def test_a_bad_item_fails_alone_and_the_others_go(alice: Person, charlie: Person) -> None:
    told = batch(
        alice,
        [
            message(),
            message(to={"email": "nobody"}),
            message(priorty="low"),
            "not a message",
            message(data={}),
            {},
            message(channels=["email", "sms"]),
            message(),
        ],
    )
    assert (told["accepted"], told["failed"]) == (2, 6)
    assert [item["index"] for item in told["items"]] == list(range(8))
    assert refused(told) == {
        1: [("messages.1.to.email", "bad_address")],
        2: [("messages.2.priorty", "unknown_field")],
        3: [("messages.3", "wrong_type")],
        4: [("messages.4.data.number", "missing_variable")],
        5: [("messages.5.to", "required")],
        6: [("messages.6.channels.1", "no_content")],
    }
    assert count("notification", alice) == 2
    for index in (0, 7):
        identifier = told["items"][index]["id"]
        assert alice.get(f"/v1/notifications/{identifier}").status_code == 200
        assert_hidden_from(charlie, "GET", f"/v1/notifications/{identifier}")


def test_an_items_error_has_a_code_and_a_sentence(alice: Person) -> None:
    (item,) = batch(alice, [message(data={})])["items"]
    assert item["error"]["code"] == "missing_variable"
    assert item["error"]["message"].endswith(".")


def test_defaults_hold_for_messages_that_do_not_say_otherwise(alice: Person) -> None:
    told = batch(
        alice,
        [{"to": TO}, {"to": TO, "category": "security", "data": {"number": 7}}, {"to": TO, "priority": None}],
        defaults={"content": CONTENT, "data": {"number": 1}, "category": "marketing", "priority": "medium"},
    )
    shown = [alice.get(f"/v1/notifications/{item['id']}").json() for item in told["items"]]
    assert [(one["category"], one["priority"]) for one in shown] == [
        ("marketing", "medium"),
        ("security", "medium"),
        ("marketing", "low"),
    ]
    rendered = alice.get(f"/v1/notifications/{told['items'][1]['id']}/content").json()
    assert rendered["content"]["email"]["subject"] == "Order 7"


def test_what_is_wrong_in_the_defaults_is_named_there(alice: Person) -> None:
    told = batch(alice, [{"to": TO}, {"to": TO, "template": "mine"}], defaults={"template": "shared"})
    assert refused(told) == {
        0: [("defaults.template", "unknown_template")],
        1: [("messages.1.template", "unknown_template")],
    }
    answer = alice.post("/v1/notifications/batch", {"messages": [{"to": TO}], "defaults": {"to": TO}})
    assert wrong_fields(answer) == [("defaults.to", "unknown_field")]


def test_a_batch_is_of_1_to_1000(alice: Person) -> None:
    for size, code in ((0, "too_short"), (1001, "too_long")):
        answer = alice.post("/v1/notifications/batch", {"messages": [{}] * size})
        assert wrong_fields(answer) == [("messages", code)]
    told = batch(alice, [message(to={**TO, "name": str(n)}) for n in range(1000)])
    assert (told["accepted"], len({item["id"] for item in told["items"]})) == (1000, 1000)
    assert count("delivery", alice) == 1000


def test_items_that_share_a_template_share_its_lookup(alice: Person) -> None:
    alice.post("/v1/templates", {"key": "order", "content": CONTENT})
    batch(alice, [message(template="order", content=None)])
    with CaptureQueriesContext(
        connection,
    ) as queries:
        batch(alice, [message(template=key, content=None) for key in ["order", "nope"] * 20])
    asked = [query for query in queries.captured_queries if "templating_templateversion" in query["sql"]]
    assert len(asked) == 2  # one that is there, one that is not
