"""What callers see while a server is away, and that it is over when the server is back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.factories import Person
from tests.integration.api.conftest import Web, away, eventually

pytestmark = pytest.mark.rabbitmq


def test_everything_is_ready_when_all_servers_answer(web: Web) -> None:
    answer = web.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "parts": {"database": "ok", "valkey": "ok", "broker": "ok"}}


def test_without_the_database_the_answer_is_503_and_afterwards_it_is_not(alice: Person, web: Web) -> None:
    def listed():  # type: ignore[no-untyped-def]
        return web.get("/v1/api-keys", alice.key)

    assert listed().status_code == 200
    with away(web.database):
        refused = listed()
        assert refused.status_code == 503
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.json()["code"] == "unavailable"
        assert int(refused.headers["Retry-After"]) >= 1
        assert "X-Request-Id" in refused.headers
        assert "RateLimit-Remaining" in refused.headers
        assert web.get("/livez").status_code == 200
        not_ready = eventually(lambda: web.get("/readyz"), lambda answer: answer.status_code == 503)
        assert (not_ready.status_code, not_ready.json()["status"]) == (503, "unavailable")
    assert eventually(listed, lambda answer: answer.status_code != 503).status_code == 200
    assert "Traceback" not in web.log.read_text()


def test_a_database_that_hangs_makes_the_process_unready_within_a_second(web: Web) -> None:
    web.database.stall()
    try:
        slowest = 0.0
        until = time.monotonic() + 5
        status = 200
        while status == 200 and time.monotonic() < until:  # the look of a moment ago is shown first
            began = time.monotonic()
            status = web.get("/readyz").status_code
            slowest = max(slowest, time.monotonic() - began)
        assert status == 503
        assert slowest < 1.5
    finally:
        web.database.flow()


@pytest.mark.parametrize("part", ["valkey", "broker"])
def test_without_valkey_or_the_broker_the_process_is_degraded_and_goes_on(alice: Person, web: Web, part: str) -> None:
    with away(getattr(web, part)):
        answer = eventually(lambda: web.get("/readyz"), lambda answer: answer.json()["status"] == "degraded")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert [name for name, state in answer.json()["parts"].items() if state != "ok"] == [part]
        call = web.get("/v1/me", alice.key)
        assert call.status_code == 200
        assert "RateLimit-Remaining" in call.headers


def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(alice: Person, web: Web) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(6):
            yield b"x" * 1024 * 1024

    declared = web.call("POST", "/v1/api-keys", alice.key, data=b"x" * 6_000_000)
    assert declared.status_code == 413
    assert "6,000,000 bytes" in declared.json()["detail"]
    assert "5,242,880 bytes" in declared.json()["detail"]
    chunked = web.call("POST", "/v1/api-keys", alice.key, data=chunks())
    assert chunked.status_code == 413
    assert "more than 5,242,880 bytes" in chunked.json()["detail"]


def test_a_chunked_body_is_read_like_any_other(alice: Person, web: Web) -> None:
    made = web.call("POST", "/v1/api-keys", alice.key, data=iter([b'{"name": "x", ', b'"scopes": ["read"]}']))
    assert made.status_code == 201, made.text
