"""What two requests with one key at the same instant get. Rows are committed, requests run in threads of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import orjson
import psycopg
import pytest
from django.db import connections

from techrar.core.database import dsn
from techrar.ledger.idempotency import fingerprint
from techrar.merchants.models import ApiKey
from tests.factories import Person
from tests.integration.notifications.sending import count, message
from tests.support.ledger import ledger  # noqa: F401  # empties it

SEND = "/v1/notifications"
BODY = message()
KEYS = "/v1/api-keys"
CREATE = {"name": "shop", "scopes": ["send"]}
FIRST = orjson.dumps({"id": "the first one's"})
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

#: as if another writer had the counters of this merchant, in every shard
HOLD_COUNTERS = """
INSERT INTO tally (merchant_id, mode, day, run_id, variant, channel, account_id, category, state, reason, currency,
  shard, n, cost_micros)
SELECT %s, 0, (now() AT TIME ZONE 'utc')::date, 0, 0, 'email', 0, 'transactional', 0, '', '', shard, 1, 0
FROM generate_series(0, 15) AS shard
"""

pytestmark = pytest.mark.usefixtures("transactional_db", "ledger")
Threads = Callable[..., Future[Any]]


@pytest.fixture
def in_thread() -> Iterator[Threads]:
    """Runs a request as another web thread would, with a connection of its own."""
    with ThreadPoolExecutor(max_workers=8) as pool:

        def start(ask: Callable[..., Any], *args: Any, **options: Any) -> Future[Any]:
            def run() -> Any:
                try:
                    return ask(*args, **options)
                finally:
                    connections.close_all()

            return pool.submit(run)

        yield start
    connections["default"].close_pool()


class Running:
    """A first request that has inserted its key and not ended yet."""

    def __init__(self, dsn: str, person: Person, body: Any = BODY, path: str = SEND, endpoint: str = "send") -> None:
        self.connection = psycopg.connect(dsn)
        printed = fingerprint(path, orjson.dumps(body))
        self.connection.execute(
            "INSERT INTO idempotency (merchant_id, mode, endpoint, key, fingerprint, status, answer)"
            " VALUES (%s, 0, %s, 'one', %s, 202, %s)",
            (person.merchant_id, endpoint, printed, FIRST),
        )

    def until_somebody_waits(self) -> None:
        until = time.monotonic() + 5
        with psycopg.connect(dsn(), autocommit=True) as other:
            while not other.execute(WAITING).fetchone()[0]:  # type: ignore[index]
                assert time.monotonic() < until, "nobody waits"

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


@pytest.mark.parametrize("path", [SEND, KEYS])
def test_of_many_at_once_one_acts_and_all_get_its_answer(alice: Person, in_thread: Threads, path: str) -> None:
    body = BODY if path == SEND else CREATE
    line = threading.Barrier(8)

    def ask() -> Any:
        line.wait(5)
        return alice.post(path, body, Idempotency_Key="one")

    answers = [asked.result(20) for asked in [in_thread(ask) for _ in range(8)]]
    replayed = [answer for answer in answers if answer.headers.get("Idempotency-Replayed")]
    if path == SEND:
        assert len({answer.content for answer in answers}) == 1
        assert len(replayed) == 7
        assert (count("notification", alice), count("delivery", alice), count("idempotency", alice)) == (1, 1, 1)
    else:
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
        assert {answer.json().get("code", "made") for answer in answers} == {"made", "secret_not_shown_again"}
        assert ApiKey.objects.filter(name="shop").count() == 1


def test_the_second_waits_for_the_first_ones_answer(alice: Person, in_thread: Threads, dsn: str) -> None:
    with Running(dsn, alice) as first:
        second = in_thread(alice.post, SEND, BODY, Idempotency_Key="one")
        first.until_somebody_waits()
        first.connection.commit()
        answer = second.result(5)
    assert (answer.status_code, answer.content) == (202, FIRST)
    assert answer["Idempotency-Replayed"] == "true"
    assert count("notification", alice) == 0


def test_the_second_acts_when_the_first_one_fails(alice: Person, in_thread: Threads, dsn: str) -> None:
    with Running(dsn, alice) as first:
        second = in_thread(alice.post, SEND, BODY, Idempotency_Key="one")
        first.until_somebody_waits()
        first.connection.rollback()
        answer = second.result(5)
    assert answer.status_code == 202
    assert "Idempotency-Replayed" not in answer.headers
    assert count("notification", alice) == 1


def test_another_request_with_the_key_of_a_running_one_is_a_mismatch_once_that_is_known(
    alice: Person, in_thread: Threads, dsn: str
) -> None:
    with Running(dsn, alice) as first:
        second = in_thread(alice.post, SEND, message(data={"number": 1}), Idempotency_Key="one")
        first.until_somebody_waits()
        first.connection.commit()
        assert second.result(5).json()["code"] == "idempotency_mismatch"


def test_after_two_seconds_the_second_is_told_to_come_back(alice: Person, in_thread: Threads, dsn: str) -> None:
    with Running(dsn, alice), Running(dsn, alice, CREATE, KEYS, "create_api_key"):
        began = time.monotonic()
        asked = [
            in_thread(alice.post, SEND, BODY, Idempotency_Key="one"),
            in_thread(alice.post, KEYS, CREATE, Idempotency_Key="one"),
        ]
        answers = [second.result(10) for second in asked]
        assert 2 <= time.monotonic() - began < 4
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_flight")
        assert answer["Retry-After"] == "1"
    assert alice.post(SEND, BODY, Idempotency_Key="one").status_code == 202


def test_a_lock_on_something_else_is_not_called_a_running_request(alice: Person, in_thread: Threads, dsn: str) -> None:
    with psycopg.connect(dsn) as other:
        other.execute(HOLD_COUNTERS, (alice.merchant_id,))
        answer = in_thread(alice.post, SEND, BODY, Idempotency_Key="one").result(10)
        other.rollback()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert count("notification", alice) == count("idempotency", alice) == 0


def test_a_session_that_ends_in_the_middle_leaves_nothing(alice: Person, in_thread: Threads, dsn: str) -> None:
    with psycopg.connect(dsn) as other:
        other.execute(HOLD_COUNTERS, (alice.merchant_id,))
        asked = in_thread(alice.post, SEND, BODY, Idempotency_Key="one")
        with psycopg.connect(dsn, autocommit=True) as killer:
            ended = 0
            while not ended:
                ended = killer.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ).fetchone()[0]  # type: ignore[index]
        answer = asked.result(10)
        other.rollback()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer["Retry-After"]) >= 1
    assert count("notification", alice) == count("delivery", alice) == count("idempotency", alice) == 0
    assert alice.post(SEND, BODY, Idempotency_Key="one").status_code == 202
