"""The same key with the same request gets the same answer, and does nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from techrar.core.rows import rows
from techrar.ledger.states import State
from tests.factories import Person
from tests.integration.notifications.sending import (
    BOTH,
    CONTENT,
    TO,
    TO_SENDING,
    count,
    message,
    move,
    send,
    wrong_fields,
)

SEND = "/v1/notifications"
BATCH = "/v1/notifications/batch"


def replayed(answer: Any) -> bool:
    return bool(answer.headers.get("Idempotency-Replayed") == "true")


def test_a_repeated_request_gets_the_first_answer_and_sends_nothing(alice: Person) -> None:
    first = alice.post(SEND, message(), Idempotency_Key="one")
    again = alice.post(SEND, message(), Idempotency_Key="one")
    assert [first.status_code, again.status_code] == [202, 202]
    assert again.content == first.content
    assert again["Content-Type"] == first["Content-Type"] == "application/json"
    assert [replayed(first), replayed(again)] == [False, True]
    assert count("notification", alice) == count("delivery", alice) == 1
    (tally,) = rows("SELECT sum(n)::int AS n FROM tally WHERE merchant_id = %(m)s", {"m": alice.merchant_id})
    assert tally.n == 1


def test_the_same_json_written_differently_is_the_same_request(alice: Person) -> None:
    body = b'{"to": {"email": "a@example.com"}, "content": {"sms": null, "email": {"subject": "x", "text": "y"}}}'
    other = b'{"content":{"email":{"text":"y","subject":"\\u0078"},"sms":null},"to":{"email":"a@example.com"}}'
    first = alice.post(SEND, body, Idempotency_Key="one")
    assert alice.post(SEND, other, Idempotency_Key="one").content == first.content


def test_another_request_with_the_same_key_is_refused(alice: Person) -> None:
    alice.post(SEND, message(), Idempotency_Key="one")
    for other in (message(data={"number": 43}), message(content=None, template="nope")):
        answer = alice.post(SEND, other, Idempotency_Key="one")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert count("notification", alice) == 1


def test_a_key_belongs_to_merchant_mode_and_endpoint(alice: Person, charlie: Person) -> None:
    answers = [
        person.post(path, body, Idempotency_Key="one")
        for person, path, body in (
            (alice, SEND, message()),
            (alice.live(), SEND, message()),
            (charlie, SEND, message()),
            (alice, BATCH, {"messages": [message()]}),
        )
    ]
    assert [(answer.status_code, replayed(answer)) for answer in answers] == [(202, False)] * 4
    assert (count("notification", alice), count("notification", charlie)) == (3, 1)


def test_without_a_key_every_request_is_a_new_one(alice: Person) -> None:
    assert send(alice)["id"] != send(alice)["id"]
    assert count("idempotency", alice) == 0


def test_a_refused_request_may_use_its_key_again(alice: Person) -> None:
    body = message(content=None, template="order")
    assert alice.post(SEND, body, Idempotency_Key="one").status_code == 422
    assert count("idempotency", alice) == 0
    alice.post("/v1/templates", {"key": "order", "content": CONTENT})
    answer = alice.post(SEND, body, Idempotency_Key="one")
    assert (answer.status_code, replayed(answer)) == (202, False)


def test_what_was_accepted_once_stays_accepted_when_it_would_be_refused_now(alice: Person) -> None:
    alice.post("/v1/templates", {"key": "order", "content": BOTH})
    body = message(content=None, template="order")
    single = alice.post(SEND, body, Idempotency_Key="one")
    batch = alice.post(BATCH, {"messages": [body, {}]}, Idempotency_Key="one")
    assert alice.delete("/v1/templates/order").status_code == 204
    for path, asked, first in ((SEND, body, single), (BATCH, {"messages": [body, {}]}, batch)):
        answer = alice.post(path, asked, Idempotency_Key="one")
        assert (answer.status_code, answer.content, replayed(answer)) == (202, first.content, True)
    assert count("notification", alice) == 2


def test_a_batch_in_which_every_item_fails_keeps_nothing(alice: Person) -> None:
    body = {"messages": [message(content=None, template="order")]}
    first = alice.post(BATCH, body, Idempotency_Key="one")
    assert (first.status_code, first.json()["accepted"], first.json()["failed"]) == (202, 0, 1)
    assert count("idempotency", alice) == 0
    alice.post("/v1/templates", {"key": "order", "content": CONTENT})
    second = alice.post(BATCH, body, Idempotency_Key="one")
    assert (second.json()["accepted"], replayed(second)) == (1, False)


def test_a_batch_with_a_failed_item_is_answered_the_same_way_again(alice: Person) -> None:
    body = {"messages": [message(), {}]}
    first = alice.post(BATCH, body, Idempotency_Key="one")
    again = alice.post(BATCH, body, Idempotency_Key="one")
    assert (again.content, replayed(again)) == (first.content, True)
    assert count("notification", alice) == 1


def test_a_key_is_255_visible_characters_at_most(alice: Person) -> None:
    for key in ("", "x" * 256, "schlüssel", "tab\there"):
        answer = alice.post(SEND, message(), Idempotency_Key=key)
        assert wrong_fields(answer) == [("Idempotency-Key", "invalid")], key
    assert alice.post(SEND, message(), Idempotency_Key="x" * 255).status_code == 202
    assert alice.post(SEND, message(), Idempotency_Key="order 42, first try").status_code == 202


def test_a_resend_is_repeated_without_sending_again_and_belongs_to_its_object(alice: Person) -> None:
    one, two = send(alice)["id"], send(alice)["id"]
    first = alice.post(f"{SEND}/{one}/resend", Idempotency_Key="one")
    again = alice.post(f"{SEND}/{one}/resend", Idempotency_Key="one")
    assert (first.status_code, again.content, replayed(again)) == (202, first.content, True)
    other = alice.post(f"{SEND}/{two}/resend", Idempotency_Key="one")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert count("notification", alice) == 3


def test_a_cancel_whose_answer_was_lost_can_be_asked_again(alice: Person) -> None:
    made = send(alice)["id"]
    first = alice.post(f"{SEND}/{made}/cancel", Idempotency_Key="one")
    again = alice.post(f"{SEND}/{made}/cancel", Idempotency_Key="one")
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert alice.post(f"{SEND}/{made}/cancel").status_code == 409


def test_a_refusal_of_a_wrapped_call_leaves_the_key_free(alice: Person) -> None:
    made = send(alice)
    move(made["deliveries"][0]["id"], *TO_SENDING, State.SENT)
    assert alice.post(f"{SEND}/{made['id']}/cancel", Idempotency_Key="one").status_code == 409
    assert count("idempotency", alice) == 0


def test_keys_are_made_once_and_their_secret_is_shown_once(alice: Person) -> None:
    body = {"name": "shop", "scopes": ["send"]}
    first = alice.post("/v1/api-keys", body, Idempotency_Key="one")
    assert first.status_code == 201
    again = alice.post("/v1/api-keys", body, Idempotency_Key="one")
    assert (again.status_code, again.json()["code"]) == (409, "secret_not_shown_again")
    assert first.json()["id"] in again.json()["detail"]
    assert len(alice.get("/v1/api-keys").json()["entries"]) == 2
    (kept,) = rows("SELECT answer FROM idempotency WHERE merchant_id = %(m)s", {"m": alice.merchant_id})
    secret = first.json()["key"].rpartition("_")[2]
    assert secret.encode() not in bytes(kept.answer)
    assert secret not in again.content.decode()


def test_a_key_is_rotated_once(alice: Person) -> None:
    path = f"/v1/api-keys/{alice.key_id}/rotate"
    assert alice.post(path, {}, Idempotency_Key="one").status_code == 201
    assert alice.post(path, {}, Idempotency_Key="one").json()["code"] == "secret_not_shown_again"
    assert len(alice.get("/v1/api-keys").json()["entries"]) == 2


def test_templates_are_made_once_and_published_once(alice: Person) -> None:
    body = {"key": "order", "content": CONTENT}
    first = alice.post("/v1/templates", body, Idempotency_Key="one")
    again = alice.post("/v1/templates", body, Idempotency_Key="one")
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert alice.post("/v1/templates", body).status_code == 409
    newer = {"content": {"sms": {"text": "x"}}, "publish": True}
    assert alice.post("/v1/templates/order/versions", newer, Idempotency_Key="one").status_code == 201
    back = alice.post("/v1/templates/order/publish", {"version": 1}, Idempotency_Key="one")
    alice.post("/v1/templates/order/publish", {"version": 2})
    assert alice.post("/v1/templates/order/publish", {"version": 1}, Idempotency_Key="one").content == back.content
    assert alice.get("/v1/templates/order").json()["published_version"] == 2


def test_calls_that_change_nothing_keep_nothing(alice: Person) -> None:
    alice.post("/v1/templates", {"key": "order", "content": CONTENT})
    preview = {"data": {"number": 1}, "to": TO}
    assert alice.post("/v1/templates/order/preview", preview, Idempotency_Key="one").status_code == 200
    tokens = [alice.post("/v1/auth/token", {}, Idempotency_Key="one") for _ in range(2)]
    assert [(token.status_code, replayed(token)) for token in tokens] == [(200, False)] * 2
    assert count("idempotency", alice) == 0


@pytest.mark.parametrize("path", [SEND, BATCH])
def test_the_answer_to_a_scheduled_send_is_kept_as_it_was(alice: Person, path: str) -> None:
    body: dict[str, Any] = message(scheduled_at=datetime.now(UTC) + timedelta(days=1))
    asked = body if path == SEND else {"messages": [body]}
    first = alice.post(path, asked, Idempotency_Key="one")
    assert alice.post(path, asked, Idempotency_Key="one").content == first.content
