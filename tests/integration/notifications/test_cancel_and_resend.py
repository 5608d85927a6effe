"""What has not begun can be stopped, and what was sent can be sent again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from techrar.core.rows import rows
from techrar.ledger.states import State
from tests.factories import Person
from tests.fixtures_people import assert_hidden_from
from tests.integration.notifications.sending import BOTH, TO_SENDING, move, send


def ids(made: dict[str, Any]) -> list[str]:
    return [delivery["id"] for delivery in made["deliveries"]]


def cancel(person: Person, identifier: str) -> Any:
    return person.post(f"/v1/notifications/{identifier}/cancel")


def test_what_waits_is_stopped_and_says_so(alice: Person) -> None:
    made = send(alice, content=BOTH, scheduled_at=datetime.now(UTC) + timedelta(days=300))
    answer = cancel(alice, made["id"])
    assert (answer.status_code, answer.json()) == (200, {"id": made["id"], "cancelled": ids(made), "left_alone": []})
    assert alice.get(f"/v1/notifications/{made['id']}").json()["status"] == "cancelled"
    timeline = alice.get(f"/v1/notifications/{made['id']}/timeline").json()["entries"]
    assert [(entry["event"], entry["reason"]) for entry in timeline[2:]] == [("cancelled", "by_merchant")] * 2


@pytest.mark.parametrize("way", [(), (State.QUEUED,)])
def test_it_is_stopped_in_every_state_before_it_is_claimed(alice: Person, way: tuple[State, ...]) -> None:
    made = send(alice)
    if way:
        move(ids(made)[0], *way)
    assert cancel(alice, made["id"]).status_code == 200


def test_what_is_sent_already_is_left_alone(alice: Person) -> None:
    made = send(alice, content=BOTH)
    email, sms = ids(made)
    move(email, *TO_SENDING, State.SENT)
    answer = cancel(alice, made["id"]).json()
    assert answer["cancelled"] == [sms]
    assert [(left["id"], left["status"]) for left in answer["left_alone"]] == [(email, "sent")]


@pytest.mark.parametrize("way", [TO_SENDING, (*TO_SENDING, State.SENT), (State.CANCELLED,), (State.EXPIRED,)])
def test_when_nothing_is_left_to_stop_it_says_so(alice: Person, way: tuple[State, ...]) -> None:
    made = send(alice)
    move(ids(made)[0], *way)
    answer = cancel(alice, made["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "already_sent")


def test_a_stopped_message_leaves_the_counters_right(alice: Person) -> None:
    made = send(alice)
    cancel(alice, made["id"])
    found = rows(
        "SELECT state, reason, sum(n)::int AS n FROM tally WHERE merchant_id = %(m)s GROUP BY state, reason",
        {"m": alice.merchant_id},
    )
    assert {(row.state, row.reason): row.n for row in found if row.n} == {(State.CANCELLED, "by_merchant"): 1}


def test_a_resend_is_a_new_notification_from_the_same_request(alice: Person) -> None:
    made = send(alice, content=BOTH, category="security", metadata={"order": "42"})
    for delivery in ids(made):
        move(delivery, *TO_SENDING, State.SENT)
    answer = alice.post(f"/v1/notifications/{made['id']}/resend")
    assert answer.status_code == 202
    again = answer.json()
    assert (again["resend_of"], again["status"], len(again["deliveries"])) == (made["id"], "accepted", 2)
    first, second = (alice.get(f"/v1/notifications/{one}").json() for one in (made["id"], again["id"]))
    same = ("category", "priority", "metadata", "recipient", "template")
    assert {name: second[name] for name in same} == {name: first[name] for name in same}
    assert second["resend_of"] == made["id"]
    contents = [alice.get(f"/v1/notifications/{one}/content").json()["content"] for one in (made["id"], again["id"])]
    assert contents[0] == contents[1]


def test_a_resend_of_what_was_for_later_goes_now_and_for_ever(alice: Person) -> None:
    at = datetime.now(UTC) + timedelta(days=1)
    made = send(alice, scheduled_at=at, expires_at=at + timedelta(hours=1))
    again = alice.post(f"/v1/notifications/{made['id']}/resend").json()
    (row,) = rows("SELECT * FROM delivery WHERE id = %(id)s", {"id": again["deliveries"][0]["id"]})
    assert (row.state, row.expires_at) == (State.ACCEPTED, None)


def test_nobody_else_can_stop_it_or_send_it_again(alice: Person, charlie: Person) -> None:
    made = send(alice)
    for identifier in (made["id"], *ids(made)):
        assert_hidden_from(charlie, "POST", f"/v1/notifications/{identifier}/cancel")
        assert_hidden_from(charlie, "POST", f"/v1/notifications/{identifier}/resend")
    assert alice.get(f"/v1/notifications/{made['id']}").json()["status"] == "accepted"
