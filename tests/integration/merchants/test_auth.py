"""Who is let in, and what a refusal says."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from techrar.core.ttl_cache import TtlCache
from techrar.merchants import credentials, keys
from techrar.merchants.models import ApiKey
from tests.factories import Person, make_key


@pytest.fixture
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered ages by the clock that `time_machine` moves."""
    known: TtlCache[str, credentials.Credential] = TtlCache(
        size=10, seconds=credentials.REMEMBER_SECONDS, clock=time.time
    )
    monkeypatch.setattr(credentials, "_known", known)


def me(person: Person, bearer: str):  # type: ignore[no-untyped-def]
    return person.client.get("/v1/me", headers={"Authorization": bearer})


def test_a_key_says_whose_it_is(alice: Person) -> None:
    answer = alice.get("/v1/me").json()
    assert answer["merchant"] == {"slug": alice.merchant.slug, "name": "Merchant A"}
    assert answer["mode"] == "test"
    assert answer["key"]["id"] == str(alice.key_id)
    assert answer["key"]["scopes"] == ["admin"]


def test_charlie_sees_only_charlie(alice: Person, charlie: Person) -> None:
    assert charlie.get("/v1/me").json()["merchant"]["slug"] == charlie.merchant.slug != alice.merchant.slug


def test_a_call_without_a_key_says_how_to_send_one(anonymous: Client, db: None) -> None:
    answer = anonymous.get("/v1/me")
    assert answer.status_code == 401
    assert "Authorization: Bearer" in answer.json()["detail"]
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_key_in_the_query_string_is_no_key(alice: Person) -> None:
    assert alice.client.get(f"/v1/me?api_key={alice.key}").status_code == 401


@pytest.mark.parametrize(
    "bearer", ["", "Bearer", "Bearer ", "Basic abc", "trk_test_x", "Bearer trk_test_x", "Bearer x.y.z"]
)
def test_what_is_not_a_key_is_refused(alice: Person, bearer: str) -> None:
    assert me(alice, bearer).status_code == 401


def test_a_well_formed_key_that_nobody_made_is_refused(alice: Person) -> None:
    assert me(alice, f"Bearer {keys.mint(alice.mode).text}").status_code == 401


def test_the_right_public_id_with_another_secret_is_refused(alice: Person) -> None:
    assert alice.get("/v1/me").status_code == 200
    other = keys.mint(alice.mode)
    ApiKey.objects.filter(id=alice.key_id).update(public_id=other.public_id)
    credentials.forget_all()
    assert me(alice, f"Bearer {other.text}").status_code == 401


def test_an_expired_key_says_so(alice: Person) -> None:
    now = datetime.now(UTC)
    key = make_key(alice.merchant, now=now - timedelta(days=2), expires_at=now - timedelta(days=1))
    answer = me(alice, f"Bearer {key.text}")
    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]


def test_a_key_expires_on_time_even_when_it_is_remembered(alice: Person) -> None:
    key = make_key(alice.merchant, expires_at=datetime.now(UTC) + timedelta(seconds=10))
    assert me(alice, f"Bearer {key.text}").status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=11), tick=False):
        assert me(alice, f"Bearer {key.text}").status_code == 401


def test_a_remembered_key_costs_no_query(alice: Person, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    alice.get("/v1/me")
    with django_assert_num_queries(0):
        assert alice.get("/v1/me").status_code == 200


def test_a_key_revoked_by_another_process_stops_within_thirty_seconds(alice: Person, wall_clock: None) -> None:
    assert alice.get("/v1/me").status_code == 200
    ApiKey.objects.filter(id=alice.key_id).update(revoked_at=datetime.now(UTC))
    assert alice.get("/v1/me").status_code == 200  # remembered
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=30)):
        assert alice.get("/v1/me").status_code == 401


def test_the_last_use_is_noted_at_most_once_a_minute(alice: Person, wall_clock: None) -> None:
    def last_used() -> datetime | None:
        return ApiKey.objects.get(id=alice.key_id).last_used_at

    start = datetime.now(UTC)
    alice.get("/v1/me")
    first = last_used()
    assert first is not None
    with time_machine.travel(start + timedelta(seconds=40)):
        alice.get("/v1/me")
        assert last_used() == first
    with time_machine.travel(start + timedelta(seconds=90)):
        alice.get("/v1/me")
        assert last_used() != first


def test_a_refused_key_was_not_used(alice: Person) -> None:
    ApiKey.objects.filter(id=alice.key_id).update(revoked_at=datetime.now(UTC))
    alice.get("/v1/me")
    assert ApiKey.objects.get(id=alice.key_id).last_used_at is None
