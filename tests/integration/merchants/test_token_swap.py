"""A key is swapped for a token that can do no more than the key, and lives no longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import time_machine
from django.http import HttpResponse

from techrar.merchants import credentials
from techrar.merchants.models import ApiKey
from tests.factories import Person


def swap(person: Person, **fields: object) -> str:
    answer = person.post("/v1/auth/token", fields)
    assert answer.status_code == 200, answer.content
    return str(answer.json()["access_token"])


def call(person: Person, path: str, token: str, method: str = "GET") -> HttpResponse:
    headers = {"Authorization": f"Bearer {token}"}
    return person.client.generic(method, path, b"{}", "application/json", headers=headers)


def test_a_token_calls_like_its_key(alice: Person) -> None:
    answer = call(alice, "/v1/me", swap(alice)).json()
    assert (answer["merchant"]["slug"], answer["mode"]) == (alice.merchant.slug, "test")


def test_a_token_can_be_narrowed(alice: Person) -> None:
    token = swap(alice, scopes=["read"])
    assert call(alice, "/v1/me", token).json()["key"]["scopes"] == ["read"]
    assert call(alice, "/v1/api-keys", token).status_code == 403


def test_a_token_cannot_be_widened(bob: Person) -> None:
    answer = bob.post("/v1/auth/token", {"scopes": ["read", "send"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "`send`" in answer.json()["detail"]


def test_a_token_cannot_be_swapped_for_another_one(alice: Person) -> None:
    assert call(alice, "/v1/auth/token", swap(alice), "POST").status_code == 403


def test_a_token_ends_after_its_time(alice: Person) -> None:
    token = swap(alice, expires_in=60)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=70)):
        answer = call(alice, "/v1/me", token)
    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]


def test_a_token_of_more_than_fifteen_minutes_is_refused(alice: Person) -> None:
    answer = alice.post("/v1/auth/token", {"expires_in": 901})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "expires_in")


def test_a_token_dies_with_its_key(alice: Person) -> None:
    token = swap(alice)
    alice.post(f"/v1/api-keys/{alice.key_id}/revoke")
    assert call(alice, "/v1/me", token).status_code == 401


def test_a_token_loses_what_its_key_loses(alice: Person) -> None:
    token = swap(alice, scopes=["send", "read"])
    ApiKey.objects.filter(id=alice.key_id).update(scopes=["read"])
    credentials.forget_all()
    assert call(alice, "/v1/me", token).json()["key"]["scopes"] == ["read"]


def test_a_token_of_charlie_finds_nothing_of_alice(alice: Person, charlie: Person) -> None:
    assert call(charlie, f"/v1/api-keys/{alice.key_id}", swap(charlie)).status_code == 404
