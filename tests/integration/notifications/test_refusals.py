"""Whatever is wrong with a send is named by field, and nothing is stored."""

from __future__ import annotations

from typing import Any

from techrar.notifications.planning import REQUEST_BYTES
from tests.factories import Person, make_person
from tests.integration.notifications.sending import BOTH, TO, count, message, wrong_fields

WRONG: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "nothing to send": ({"content": None}, [("template", "template_or_content")]),
    "both": ({"template": "x"}, [("template", "template_or_content")]),
    "a version of nothing": ({"template_version": 1}, [("template_version", "template_or_content")]),
    "no such template": ({"content": None, "template": "nope"}, [("template", "unknown_template")]),
    "a huge version": (
        {"content": None, "template": "nope", "template_version": 2**63},
        [("template_version", "out_of_range")],
    ),
    "empty content": ({"content": {}}, [("content", "no_content")]),
    "unknown channel in content": ({"content": {"pigeon": {}}}, [("content.pigeon", "unknown_field")]),
    "half an e-mail": ({"content": {"email": {"subject": "x"}}}, [("content.email", "invalid")]),
    "misspelt field of content": (
        {"content": {"sms": {"text": "x", "txet": "y"}}},
        [("content.sms.txet", "unknown_field")],
    ),
    "a template that cannot be": (
        {"content": {"sms": {"text": "{{ 'a' * 10**9 }}"}}},
        [("content.sms.text", "not_allowed")],
    ),
    "unknown channel": ({"channels": ["email", "fax"]}, [("channels.1", "unknown_channel")]),
    "channel without content": ({"channels": ["email", "sms"]}, [("channels.1", "no_content")]),
    "no channels": ({"channels": []}, [("channels", "too_short")]),
    "missing addresses": (
        {"to": {"name": "Ann"}, "content": BOTH},
        [("to.email", "missing_address"), ("to.phone", "missing_address")],
    ),
    "no address for the first": (
        {"to": {"name": "Ann"}, "content": BOTH, "routing": {"mode": "first"}},
        [("to.email", "missing_address"), ("to.phone", "missing_address")],
    ),
    "bad address": ({"to": {"email": "ann@"}}, [("to.email", "bad_address")]),
    "empty address": ({"to": {"email": ""}}, [("to.email", "bad_address")]),
    "an address nested too deep": (
        {"to": {"web_push": "[" * 4096}, "content": {"web_push": {"title": "x", "body": "y"}}},
        [("to.web_push", "bad_address")],
    ),
    "unknown field": ({"priorty": "low"}, [("priorty", "unknown_field")]),
    "dedup, which is not there yet": ({"dedup": {"key": "x", "window": 60}}, [("dedup", "unknown_field")]),
    "unknown field of to": ({"to": {**TO, "emial": "x"}}, [("to.emial", "unknown_field")]),
    "no to": ({"to": None}, [("to", "wrong_type")]),
    "unknown category": ({"category": "gossip"}, [("category", "unknown_category")]),
    "unknown priority": ({"priority": "asap"}, [("priority", "not_allowed")]),
    "unknown routing": ({"routing": {"mode": "last"}}, [("routing.mode", "not_allowed")]),
    "unknown sender": ({"from": "nobody"}, [("from", "unknown_sender")]),
    "missing variables, all of them": (
        {"content": {**BOTH, "sms": {"text": "{{ code }} {{ recipient.attributes.vip }}"}}, "data": {}},
        [("data.number", "missing_variable"), ("data.code", "missing_variable")],
    ),
    "local time without a zone": ({"scheduled_at": "2030-01-01T00:00:00"}, [("scheduled_at", "timezone_aware")]),
    "a date": ({"scheduled_at": "2030-01-01"}, [("scheduled_at", "invalid")]),
    "a number for a time": ({"scheduled_at": 1900000000}, [("scheduled_at", "invalid")]),
    "a month too many": ({"scheduled_at": "2030-13-01T00:00:00Z"}, [("scheduled_at", "wrong_type")]),
    "the end of time": ({"scheduled_at": "9999-12-31T23:59:59-14:00"}, [("scheduled_at", "out_of_range")]),
    "the beginning of time": ({"scheduled_at": "0001-01-01T00:00:00+14:00"}, [("scheduled_at", "out_of_range")]),
    "too far away": ({"scheduled_at": "2199-01-01T00:00:00Z"}, [("scheduled_at", "too_far")]),
    "unknown zone": (
        {"scheduled_at": "2030-01-01T00:00:00", "timezone": "Mars/Olympus"},
        [("timezone", "unknown_timezone")],
    ),
    "a folder for a zone": ({"timezone": "Europe"}, [("timezone", "unknown_timezone")]),
    "a path for a zone": ({"timezone": "../../etc/passwd"}, [("timezone", "unknown_timezone")]),
    "the recipient's zone": ({"to": {**TO, "timezone": "Berlin"}}, [("to.timezone", "unknown_timezone")]),
    "over before it begins": ({"expires_at": "2020-01-01T00:00:00Z"}, [("expires_at", "already_expired")]),
    "over before its time": (
        {"scheduled_at": "2030-01-02T00:00:00Z", "expires_at": "2030-01-01T00:00:00Z"},
        [("expires_at", "already_expired")],
    ),
    "metadata that is no text": ({"metadata": {"order": 42}}, [("metadata.order", "wrong_type")]),
    "NUL": ({"data": {"number": "a\u0000b"}}, [("data.number", "nul_character")]),
    "too large": ({"data": {"number": 1, "x": "y" * REQUEST_BYTES}}, [("data", "too_large")]),
    "large content": (
        {"content": {"email": {"subject": "x", "html": "ä" * 262_144, "text": "x"}}},
        [("content", "too_large")],
    ),
}


def test_a_wrong_field_is_named_and_nothing_is_stored(alice: Person) -> None:
    answers = {name: alice.post("/v1/notifications", message(**fields)) for name, (fields, _) in WRONG.items()}
    assert {name: wrong_fields(answer) for name, answer in answers.items()} == {
        name: expected for name, (_, expected) in WRONG.items()
    }
    sentences = [error["message"] for answer in answers.values() for error in answer.json()["errors"]]
    assert [sentence for sentence in sentences if not sentence.endswith((".", "?"))] == []
    assert count("notification", alice) == count("delivery", alice) == count("idempotency", alice) == 0


def test_what_is_nested_too_deep_is_refused_and_what_is_not_is_not(alice: Person) -> None:
    def nested(levels: int) -> bytes:
        start = (
            b'{"to": {"email": "a@example.com"}, "content": {"email": {"subject": "x", "text": "y"}}, "data": {"x": '
        )
        return start + b"[" * levels + b"]" * levels + b"}}"

    assert wrong_fields(alice.post("/v1/notifications", nested(900))) == [("body", "too_deep")]
    accepted = alice.post("/v1/notifications", nested(252), Idempotency_Key="deep")
    assert accepted.status_code == 202, accepted.content
    assert alice.get(f"/v1/notifications/{accepted.json()['id']}/content").status_code == 200


def test_an_address_is_not_repeated_in_the_refusal(alice: Person) -> None:
    answer = alice.post("/v1/notifications", message(to={"email": "secret.person@@example.com"}))
    assert "secret.person" not in answer.content.decode()


def test_a_key_without_the_scope_is_told_so(bob: Person) -> None:
    for path in ("/v1/notifications", "/v1/notifications/batch", "/v1/dead-letters/replay"):
        answer = bob.post(path, message())
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path


def test_a_key_that_may_only_send_cannot_look(alice: Person) -> None:
    sender = make_person(alice.merchant, scopes=["send"])
    made = sender.post("/v1/notifications", message())
    assert made.status_code == 202
    assert sender.get(f"/v1/notifications/{made.json()['id']}").status_code == 403


def test_a_body_that_is_no_object_is_refused(alice: Person) -> None:
    for body in (b"[]", b"1", b'"x"', b"null"):
        assert alice.post("/v1/notifications", body).status_code == 422, body
    assert alice.post("/v1/notifications", b"").status_code == 422
    assert alice.post("/v1/notifications", b'{"to": ').status_code == 400
