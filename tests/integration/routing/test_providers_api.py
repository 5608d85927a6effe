"""Can a merchant manage their provider accounts through the API, and nobody else's?"""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest
import redis

from techrar.merchants.models import AuditEntry
from techrar.routing import selectors
from techrar.routing.health import State, Tripped
from techrar.routing.shared import Report, key_of, write
from tests.factories import Person
from tests.fixtures_people import assert_hidden_from

PATH = "/v1/providers"
SECRET = "s3cret-password"
SMTP = {"host": "smtp.example.com", "username": "shop", "password": SECRET}


def body(**fields: Any) -> dict[str, Any]:
    return {"channel": "email", "provider": "smtp", "name": f"Main {uuid4()}", "config": SMTP, **fields}


def create(person: Person, **fields: Any) -> dict[str, Any]:
    answer = person.post(PATH, body(**fields))
    assert answer.status_code == 201, answer.content
    assert SECRET.encode() not in answer.content
    made: dict[str, Any] = answer.json()
    return made


def wrong(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.content
    return [(e["field"], e["code"]) for e in answer.json()["errors"]]


def test_an_account_is_created_shown_changed_paused_and_resumed(alice: Person) -> None:
    owner = alice.live()
    made = create(owner, prefixes=["b", "a", "a"], rate_limit=10)
    path = f"{PATH}/{made['id']}"
    assert (made["mode"], made["prefixes"], made["rate_limit"], made["sandbox"]) == ("live", ["a", "b"], 10, False)
    changes = {"position": 3, "weight": 95, "concurrency": 7, "rate_limit": None, "prefixes": [], "price_micros": 9}
    changed = owner.patch(path, changes).json()
    assert {name: changed[name] for name in changes} == changes
    assert changed["name"] == made["name"]
    paused = owner.post(f"{path}/pause", {"reason": "too expensive"}).json()
    assert paused["paused_reason"] == "too expensive"
    assert owner.patch(path, {"weight": 1}).json()["paused_reason"] == "too expensive"
    assert owner.post(f"{path}/resume").json()["paused_reason"] == ""
    assert owner.get(path).json()["weight"] == 1
    actions = AuditEntry.objects.filter(object_id=made["id"]).order_by("id").values_list("action", flat=True)
    assert [a.rpartition(".")[2] for a in actions] == ["created", "changed", "paused", "changed", "resumed"]


def test_credentials_go_in_and_never_come_out(alice: Person) -> None:
    owner = alice.live()
    made = create(owner)
    path = f"{PATH}/{made['id']}"
    new = {**SMTP, "password": "another-secret"}
    answers = [owner.patch(path, {"config": new}), owner.get(path), owner.get(PATH), owner.get(f"{path}/health")]
    assert all(answer.status_code == 200 for answer in answers)
    assert not any(word in answer.content for answer in answers for word in (b"another-secret", SECRET.encode()))
    account = selectors.accounts(merchant_id=owner.merchant_id, mode=owner.mode)[0]
    config: Any = account.config(selectors.key_ring())
    assert config.password.get_secret_value() == "another-secret"
    assert "another-secret" not in str(list(AuditEntry.objects.values_list("details", flat=True)))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"channel": "fax"}, ("channel", "unknown_channel")),
        ({"config": {}}, ("config.host", "required")),
        ({"weight": 0}, ("weight", "out_of_range")),
        ({"rate_limit": 0}, ("rate_limit", "out_of_range")),
        ({"wieght": 1}, ("wieght", "unknown_field")),
        ({"prefixes": ["+9 66"]}, ("prefixes.0", "invalid")),
    ],
)
def test_what_is_wrong_is_named(alice: Person, fields: dict[str, Any], expected: tuple[str, str]) -> None:
    assert wrong(alice.live().post(PATH, body(**fields))) == [expected]


def test_a_change_to_a_name_that_is_taken_or_to_a_wrong_config_changes_nothing(alice: Person) -> None:
    owner = alice.live()
    first, second = create(owner), create(owner)
    path = f"{PATH}/{second['id']}"
    assert wrong(owner.patch(path, {"name": first["name"]})) == [("name", "taken")]
    assert wrong(owner.patch(path, {"config": {"host": ""}, "weight": 5}))[0][0] == "config.host"
    assert owner.get(path).json()["weight"] == 1


def test_another_merchants_account_and_the_other_modes_is_not_there(alice: Person, charlie: Person) -> None:
    made = create(alice.live())
    for stranger in (charlie.live(), alice):
        for method, rest, given in (
            ("GET", "", None),
            ("PATCH", "", {"weight": 2}),
            ("POST", "/pause", {}),
            ("POST", "/resume", None),
            ("GET", "/health", None),
            ("POST", "/test", {"to": "ann@example.com"}),
        ):
            assert_hidden_from(stranger, method, f"{PATH}/{made['id']}{rest}", given)
        assert made["id"] not in [entry["id"] for entry in stranger.get(PATH).json()["entries"]]
    assert_hidden_from(alice, "GET", f"{PATH}/nonsense")


def test_a_reader_may_look_but_not_change(alice: Person, bob: Person) -> None:
    path = f"{PATH}/{create(alice.live())['id']}"
    reader = bob.live()
    assert [reader.get(p).status_code for p in (PATH, path, f"{path}/health")] == [200] * 3
    refused = [
        reader.post(PATH, body()),
        reader.patch(path, {"weight": 2}),
        reader.post(f"{path}/pause", {}),
        reader.post(f"{path}/resume"),
        reader.post(f"{path}/test", {"to": "ann@example.com"}),
    ]
    assert [answer.status_code for answer in refused] == [403] * 5


def test_the_list_has_pages_and_in_test_mode_a_sandbox_for_every_channel(alice: Person) -> None:
    seen, after = [], ""
    while True:
        page = alice.get(f"{PATH}?limit=3{after}").json()
        seen += page["entries"]
        if not page["page_info"]["has_more"]:
            break
        after = f"&after={page['page_info']['after']}"
    assert len({entry["channel"] for entry in seen}) == len(seen) >= 8
    assert all(entry["sandbox"] for entry in seen)
    assert wrong(alice.get(f"{PATH}?after=x")) == [("after", "unknown_cursor")]


def test_a_test_message_goes_through_the_adapter_and_the_exchange_is_told(alice: Person) -> None:
    sandbox = next(e for e in alice.get(PATH).json()["entries"] if e["channel"] == "email")
    path = f"{PATH}/{sandbox['id']}/test"
    good = alice.post(path, {}).json()
    assert (good["outcome"], good["reason"]) == ("accepted", "")
    assert good["vendor_id"]
    bad = alice.post(path, {"to": "misconfigured@example.com"}).json()
    assert (bad["outcome"], bad["reason"]) == ("misconfigured", "credentials")
    assert "revoked" in bad["exchange"]["message"]
    assert wrong(alice.post(path, {"to": "nobody"})) == [("to", "invalid")]
    assert alice.get(f"{PATH}/{sandbox['id']}").json()["paused_reason"] == "", "a test pauses nothing"


def test_a_live_test_needs_an_address_and_a_repeated_one_is_a_second_message(alice: Person) -> None:
    owner = alice.live()
    path = f"{PATH}/{create(owner)['id']}/test"
    assert wrong(owner.post(path, {})) == [("to", "required")]
    assert wrong(owner.post(path, {"to": "ann@example.com"}, Idempotency_Key="once")) == [
        ("Idempotency-Key", "not_supported")
    ]


def test_health_is_what_the_processes_say(alice: Person, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = alice.live()
    made = create(owner)
    path = f"{PATH}/{made['id']}/health"
    assert owner.get(path).json() == {"known": True, "paused_reason": "", "processes": []}
    now = time.time()
    tripped = Tripped(now, now + 60, slow=False)
    with redis.Redis.from_url(redis_url) as valkey:
        key = key_of(int(made["id"]))
        valkey.hset(key, "one:1", write(Report(now, State.OPEN, 0.5, tripped)))
        valkey.hset(key, "gone:2", write(Report(now - 3600, State.CLOSED, 1.0, None)))
        (process,) = owner.get(path).json()["processes"]
        valkey.delete(key)
    assert (process["process"], process["state"], process["reliability"]) == ("one:1", "open", 0.5)
    assert process["rests_until"]

    def away() -> redis.Redis:
        return redis.Redis.from_url("redis://127.0.0.1:9/0")

    monkeypatch.setattr(selectors, "_valkey", away)
    assert owner.get(path).json() == {"known": False, "paused_reason": "", "processes": []}
