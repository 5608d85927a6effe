"""What was given up is shown in groups, and sent again when its cause is mended."""

from __future__ import annotations

from typing import Any

from techrar.core.rows import rows
from techrar.ledger.states import State
from tests.factories import Person
from tests.integration.notifications.sending import BOTH, TO_SENDING, count, move, send, wrong_fields

PATH = "/v1/dead-letters"


def dead(person: Person, reason: str = "connection", **fields: Any) -> str:
    """A delivery that was given up."""
    made = send(person, **fields)
    delivery: str = made["deliveries"][0]["id"]
    move(delivery, *TO_SENDING, State.DEAD, reason=reason, attempt=4)
    return delivery


def groups(person: Person, query: str = "") -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = person.get(f"{PATH}{query}").json()["entries"]
    return entries


def replay(person: Person, **body: Any) -> dict[str, Any]:
    answer = person.post(f"{PATH}/replay", body)
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def test_they_are_grouped_by_what_they_have_in_common(alice: Person, charlie: Person) -> None:
    same = [dead(alice) for _ in range(4)]
    dead(alice, "quota")
    dead(alice, content={"sms": {"text": "x"}})
    found = groups(alice)
    assert [(group["channel"], group["reason"], group["count"]) for group in found[:1]] == [("email", "connection", 4)]
    assert sorted((group["channel"], group["reason"]) for group in found[1:]) == [
        ("email", "quota"),
        ("sms", "connection"),
    ]
    assert found[0]["examples"] == same[:0:-1]
    assert found[0]["oldest"] <= found[0]["newest"]
    assert groups(charlie) == groups(alice.live()) == []


def test_groups_are_paged(alice: Person) -> None:
    for reason in ("a", "b", "c", "c"):
        dead(alice, reason)
    first = alice.get(f"{PATH}?limit=2").json()
    assert first["page_info"]["has_more"] is True
    rest = alice.get(f"{PATH}?limit=2&after={first['page_info']['after']}").json()
    assert rest["page_info"] == {"after": None, "has_more": False}
    assert sorted(group["reason"] for group in first["entries"] + rest["entries"]) == ["a", "b", "c"]
    assert first["entries"][0]["reason"] == "c"
    assert wrong_fields(alice.get(f"{PATH}?after=x")) == [("after", "unknown_cursor")]


def test_a_replay_is_a_new_notification_that_names_the_old_delivery(alice: Person) -> None:
    old = dead(alice, content=BOTH)
    (group,) = groups(alice)
    told = replay(alice, fingerprint=group["fingerprint"])
    assert (told["replayed"], told["more"], told["left_out"]) == (1, False, [])
    (new,) = told["notifications"]
    found = alice.get(f"/v1/notifications/{new}").json()
    assert (found["status"], found["resend_of"][:32], len(found["deliveries"])) == ("accepted", old[:32], 1)
    (row,) = rows("SELECT replays FROM delivery WHERE id = %(id)s", {"id": found["deliveries"][0]["id"]})
    assert str(row.replays) == old
    assert alice.get(f"/v1/notifications/{old}").json()["deliveries"][0]["status"] == "dead"
    rendered = alice.get(f"/v1/notifications/{new}/content").json()["content"]
    assert list(rendered) == ["email"]


def test_what_was_replayed_is_not_replayed_again(alice: Person) -> None:
    old = dead(alice)
    (group,) = groups(alice)
    assert replay(alice, deliveries=[old])["replayed"] == 1
    assert groups(alice) == []
    assert replay(alice, fingerprint=group["fingerprint"])["replayed"] == 0
    again = replay(alice, deliveries=[old])
    assert (again["replayed"], again["left_out"]) == (0, [old])
    assert count("notification", alice) == 2


def test_a_dry_run_only_counts(alice: Person) -> None:
    old = [dead(alice) for _ in range(2)]
    told = replay(alice, deliveries=old, dry_run=True)
    assert told == {"dry_run": True, "replayed": 2, "more": False, "notifications": [], "left_out": []}
    assert count("notification", alice) == 2
    assert groups(alice)[0]["count"] == 2


def test_nobody_else_can_replay_them(alice: Person, charlie: Person) -> None:
    old = dead(alice)
    (group,) = groups(alice)
    for stranger in (charlie, alice.live()):
        told = replay(stranger, deliveries=[old])
        assert (told["replayed"], told["left_out"]) == (0, [old])
        assert replay(stranger, fingerprint=group["fingerprint"])["replayed"] == 0
    assert groups(alice)[0]["count"] == 1


def test_a_replay_with_a_key_is_answered_the_same_way_again(alice: Person) -> None:
    body = {"deliveries": [dead(alice)]}
    first = alice.post(f"{PATH}/replay", body, Idempotency_Key="one")
    again = alice.post(f"{PATH}/replay", body, Idempotency_Key="one")
    assert first.json()["replayed"] == 1
    assert (again.content, again.headers.get("Idempotency-Replayed")) == (first.content, "true")


def test_what_is_wrong_with_a_replay_is_named(alice: Person) -> None:
    old = dead(alice)
    for body, expected in (
        ({}, ("fingerprint", "group_or_deliveries")),
        ({"fingerprint": "x", "deliveries": [old]}, ("fingerprint", "group_or_deliveries")),
        ({"deliveries": []}, ("deliveries", "too_short")),
        ({"deliveries": [old, "x"]}, ("deliveries.1", "invalid")),
        ({"fingerprint": "x" * 65}, ("fingerprint", "too_long")),
        ({"group": "x"}, ("group", "unknown_field")),
    ):
        assert wrong_fields(alice.post(f"{PATH}/replay", body)) == [expected]
