"""Keys are made, shown once, followed by a successor, and ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from techrar.core.mode import Mode
from techrar.merchants.models import ApiKey, AuditEntry
from tests.factories import Person, make_key
from tests.fixtures_people import assert_hidden_from


def create(person: Person, **fields: object) -> dict[str, str]:
    answer = person.post("/v1/api-keys", {"name": "Shop", "scopes": ["send"], **fields})
    assert answer.status_code == 201, answer.content
    return answer.json()


def me(person: Person, key: str) -> int:
    return person.client.get("/v1/me", headers={"Authorization": f"Bearer {key}"}).status_code


def test_a_new_key_works_and_is_shown_only_once(alice: Person) -> None:
    made = create(alice)
    assert made["key"].startswith(made["prefix"])
    assert me(alice, made["key"]) == 200
    shown_later = alice.get(f"/v1/api-keys/{made['id']}")
    assert made["key"] not in shown_later.content.decode()
    assert shown_later.json()["prefix"] == made["prefix"]
    row = ApiKey.objects.get(id=made["id"])
    assert made["key"].encode() not in bytes(row.secret_hash)


def test_a_new_key_has_the_mode_of_the_key_that_made_it(alice: Person) -> None:
    assert create(alice)["mode"] == "test"
    assert create(alice.live())["mode"] == "live"


def test_scopes_are_kept_once_and_in_order(alice: Person) -> None:
    assert create(alice, scopes=["read", "send", "read"])["scopes"] == ["send", "read"]


def test_the_list_is_newest_first_and_paged_by_key(alice: Person) -> None:
    for name in ("one", "two", "three"):
        create(alice, name=name)
    first = alice.get("/v1/api-keys?limit=2").json()
    assert [key["name"] for key in first["entries"]] == ["three", "two"]
    assert first["page_info"]["has_more"] is True
    second = alice.get(f"/v1/api-keys?limit=2&after={first['page_info']['after']}").json()
    assert [key["name"] for key in second["entries"]] == ["one", "Test key"]
    assert second["page_info"] == {"after": None, "has_more": False}


def test_the_list_shows_one_merchant_and_one_mode(alice: Person, charlie: Person) -> None:
    listed = alice.get("/v1/api-keys").json()["entries"]
    assert [key["id"] for key in listed] == [str(alice.key_id)]
    assert [key["id"] for key in charlie.get("/v1/api-keys").json()["entries"]] == [str(charlie.key_id)]


@pytest.mark.parametrize("after", ["nonsense", "00000000-0000-0000-0000-000000000000"])
def test_a_cursor_that_is_not_ours_is_named(alice: Person, after: str) -> None:
    answer = alice.get(f"/v1/api-keys?after={after}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "after"


def test_a_key_cannot_be_made_already_expired(alice: Person) -> None:
    answer = alice.post("/v1/api-keys", {"name": "x", "scopes": ["send"], "expires_at": "2020-01-01T00:00:00Z"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "expires_at"


def test_after_rotation_both_keys_work_and_the_old_one_has_an_end(alice: Person) -> None:
    old = create(alice)
    new = alice.post(f"/v1/api-keys/{old['id']}/rotate", {"overlap_seconds": 3600})
    assert new.status_code == 201
    assert (new.json()["name"], new.json()["scopes"]) == (old["name"], old["scopes"])
    assert me(alice, old["key"]) == me(alice, new.json()["key"]) == 200
    ends = ApiKey.objects.get(id=old["id"]).expires_at
    assert ends is not None
    assert timedelta(minutes=59) < ends - datetime.now(UTC) <= timedelta(hours=1)


def test_rotation_without_overlap_ends_the_old_key_at_once(alice: Person) -> None:
    old = create(alice)
    assert me(alice, old["key"]) == 200
    alice.post(f"/v1/api-keys/{old['id']}/rotate", {"overlap_seconds": 0})
    assert me(alice, old["key"]) == 401


def test_a_successor_lives_as_long_as_its_predecessor_was_meant_to(alice: Person) -> None:
    now = datetime.now(UTC)
    old = make_key(alice.merchant, now=now - timedelta(days=20), expires_at=now + timedelta(days=10)).row
    new = alice.post(f"/v1/api-keys/{old.id}/rotate", {})
    expires = datetime.fromisoformat(new.json()["expires_at"])
    assert timedelta(days=29) < expires - now < timedelta(days=31)


def test_a_key_that_no_longer_works_has_no_successor(alice: Person) -> None:
    old = create(alice)
    alice.post(f"/v1/api-keys/{old['id']}/revoke")
    answer = alice.post(f"/v1/api-keys/{old['id']}/rotate", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_a_revoked_key_stops_at_once_where_it_was_revoked(alice: Person) -> None:
    key = create(alice)
    assert me(alice, key["key"]) == 200
    assert alice.post(f"/v1/api-keys/{key['id']}/revoke").json()["revoked_at"] is not None
    assert me(alice, key["key"]) == 401


def test_revoking_twice_changes_nothing(alice: Person) -> None:
    key = create(alice)
    first = alice.post(f"/v1/api-keys/{key['id']}/revoke").json()
    assert alice.post(f"/v1/api-keys/{key['id']}/revoke").json() == first
    assert AuditEntry.objects.filter(object_id=key["id"], action="api_key.revoked").count() == 1


def test_another_mode_and_another_merchant_find_no_such_key(alice: Person, charlie: Person) -> None:
    key = create(alice)
    for stranger in (alice.live(), charlie):
        assert_hidden_from(stranger, "GET", f"/v1/api-keys/{key['id']}")
        assert_hidden_from(stranger, "POST", f"/v1/api-keys/{key['id']}/rotate", {})
        assert_hidden_from(stranger, "POST", f"/v1/api-keys/{key['id']}/revoke")
    assert me(alice, key["key"]) == 200


def test_what_is_not_an_id_names_no_key(alice: Person) -> None:
    assert_hidden_from(alice, "GET", "/v1/api-keys/not-an-id")


def test_only_an_admin_key_sees_keys(bob: Person) -> None:
    for method, path in (("GET", "/v1/api-keys"), ("POST", "/v1/api-keys"), ("GET", f"/v1/api-keys/{bob.key_id}")):
        answer = bob.call(method, path, {"name": "x", "scopes": ["read"]} if method == "POST" else None)
        assert answer.status_code == 403
        assert "`admin`" in answer.json()["detail"]


def test_every_change_is_in_the_audit_log_without_the_secret(alice: Person) -> None:
    key = create(alice)
    alice.post(f"/v1/api-keys/{key['id']}/rotate", {})
    alice.post(f"/v1/api-keys/{key['id']}/revoke")
    entries = list(AuditEntry.objects.filter(object_id=key["id"]).order_by("id"))
    assert [entry.action for entry in entries] == ["api_key.created", "api_key.rotated", "api_key.revoked"]
    assert {entry.actor for entry in entries} == {f"key:{alice.key_id}"}
    assert {entry.merchant_id for entry in entries} == {alice.merchant_id}
    assert all(entry.request_id for entry in entries)
    assert key["key"] not in str([entry.details for entry in entries])


def test_a_key_of_each_mode_is_known_by_its_prefix(alice: Person) -> None:
    assert [alice.keys[mode].text.split("_")[1] for mode in (Mode.TEST, Mode.LIVE)] == ["test", "live"]
