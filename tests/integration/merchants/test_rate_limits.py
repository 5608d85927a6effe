"""Limits are kept, told, and never stop callers because Valkey is down."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from django.test import Client

from ops.chaos.tcp_proxy import TcpProxy
from techrar.merchants import credentials
from techrar.merchants.limiter import Limiter, LocalWindows, SharedWindows
from techrar.merchants.rates import ANONYMOUS_UNITS, Rate
from tests.factories import Person

_serial = count(1)


@pytest.fixture
def subject() -> str:
    return f"{{test-{next(_serial)}}}:{id(object())}"


@pytest.fixture(params=["shared", "local"])
def windows(request: pytest.FixtureRequest, redis_url: str) -> SharedWindows | LocalWindows:
    return SharedWindows(redis_url) if request.param == "shared" else LocalWindows()


@pytest.fixture
def valkey(redis_url: str) -> Iterator[TcpProxy]:
    with TcpProxy(redis_url) as proxy:
        yield proxy


def limit(person: Person, **limits: int) -> None:
    person.merchant.settings = {"rate_limits": limits}
    person.merchant.save()
    credentials.forget_all()


def test_no_more_than_the_limit_is_taken(windows: SharedWindows | LocalWindows, subject: str) -> None:
    rate = Rate(subject, 3)
    standings = [windows.take([rate], 1) for _ in range(5)]
    assert [standing.allowed for standing in standings] == [True, True, True, False, False]
    assert [standing.remaining for standing in standings] == [2, 1, 0, 0, 0]
    assert 1 <= standings[-1].retry_after <= 20
    assert 1 <= standings[-1].reset <= 10


def test_a_refused_request_takes_from_neither_limit(windows: SharedWindows | LocalWindows, subject: str) -> None:
    key, merchant = Rate(f"{subject}:key", 100), Rate(f"{subject}:merchant", 5)
    assert windows.take([key, merchant], 5).allowed
    assert not windows.take([key, merchant], 1).allowed
    assert windows.take([key], 0).remaining == 95


def test_the_dearer_request_takes_more(windows: SharedWindows | LocalWindows, subject: str) -> None:
    assert windows.take([Rate(subject, 100)], 40).remaining == 60
    assert not windows.take([Rate(subject, 100)], 61).allowed
    assert windows.take([Rate(subject, 100)], 60).remaining == 0


def test_one_subject_does_not_touch_another(windows: SharedWindows | LocalWindows, subject: str) -> None:
    windows.take([Rate(f"{subject}:a", 1)], 1)
    assert windows.take([Rate(f"{subject}:b", 1)], 1).allowed


def test_every_answer_tells_the_limit(alice: Person, anonymous: Client) -> None:
    for answer in (alice.get("/v1/me"), alice.get("/v1/nothing"), anonymous.get("/v1/me"), anonymous.get("/v1/docs")):
        assert {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} <= set(answer.headers), answer


def test_a_key_that_asks_too_much_is_told_when_to_come_back(alice: Person) -> None:
    limit(alice, key=2)
    assert [alice.get("/v1/me").status_code for _ in range(3)] == [200, 200, 429]
    refused = alice.get("/v1/me")
    assert refused.json()["code"] == "rate_limited"
    assert int(refused["Retry-After"]) >= 1
    assert (refused["RateLimit-Limit"], refused["RateLimit-Remaining"]) == ("2", "0")


def test_the_keys_of_a_merchant_share_its_limit_but_not_across_modes(alice: Person, bob: Person) -> None:
    limit(alice, merchant=2)
    assert [person.get("/v1/me").status_code for person in (alice, bob, alice)] == [200, 200, 429]
    assert alice.live().get("/v1/me").status_code == 200


def test_one_merchant_does_not_use_up_anothers_limit(alice: Person, charlie: Person) -> None:
    limit(alice, key=1)
    limit(charlie, key=1)
    assert [p.get("/v1/me").status_code for p in (alice, alice, charlie)] == [200, 429, 200]


def test_a_request_without_the_scope_is_counted_too(bob: Person) -> None:
    limit(bob, key=2)
    assert [bob.get("/v1/api-keys").status_code for _ in range(3)] == [403, 403, 429]


def test_guessing_keys_is_slowed_down_and_does_not_lock_out_those_who_have_one(alice: Person) -> None:
    guesses = [alice.client.get("/v1/me").status_code for _ in range(ANONYMOUS_UNITS + 1)]
    assert guesses[0] == 401
    assert guesses[-1] == 429
    assert alice.get("/v1/me").status_code == 200


def test_when_valkey_is_down_limits_still_hold_and_the_log_says_so_once(
    valkey: TcpProxy, subject: str, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = Limiter(valkey.url)
    rate = Rate(subject, 3)
    assert limiter.take([rate]).allowed
    valkey.refuse()
    valkey.cut()
    assert [limiter.take([rate]).allowed for _ in range(4)] == [True, True, True, False]
    assert [r.levelno for r in caplog.records if r.name == "techrar.merchants.limiter"] == [logging.WARNING]


def test_a_valkey_that_hangs_holds_a_request_only_once_and_shortly(valkey: TcpProxy, subject: str) -> None:
    limiter = Limiter(valkey.url)
    limiter.take([Rate(subject, 100)])
    valkey.stall()
    began = time.monotonic()
    standings = [limiter.take([Rate(subject, 100)]) for _ in range(50)]
    assert all(standing.allowed for standing in standings)
    assert time.monotonic() - began < 1.0  # fifty timeouts would be 2.5 s


def test_when_valkey_is_back_the_limit_is_shared_again(
    valkey: TcpProxy, subject: str, redis_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("techrar.merchants.limiter.REST_SECONDS", 0.0)
    limiter = Limiter(valkey.url)
    rate = Rate(subject, 100)
    valkey.refuse()
    assert limiter.take([rate], 10).remaining == 90
    valkey.accept()
    assert limiter.take([rate], 20).remaining == 80
    assert SharedWindows(redis_url).take([rate], 0).remaining == 80
    assert "answers again" in caplog.records[-1].message


def units_of(person: Person, body: dict[str, Any], status: int) -> int:
    """What a batch took. Asked again when the counting slot ended in between: a new one forgives a little."""
    while True:
        before = person.get("/v1/me")
        after = person.post("/v1/notifications/batch", body)
        assert after.status_code == status, after.content
        if int(after["RateLimit-Reset"]) <= int(before["RateLimit-Reset"]):
            return int(before["RateLimit-Remaining"]) - int(after["RateLimit-Remaining"])


def test_a_batch_counts_one_for_every_ten_messages_begun(alice: Person) -> None:
    message = {"to": {"email": "delivered@sandbox.test"}, "content": {"email": {"subject": "Hello", "text": "Hi"}}}
    assert units_of(alice, {"messages": [message] * 11}, 202) == 2


def test_a_batch_that_fails_before_its_price_is_known_counts_one(alice: Person) -> None:
    assert units_of(alice, {"mesages": []}, 422) == 1
