"""A send is one round trip to the database, wakes the relay after its commit, and never touches the broker."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from techrar.dispatch import wake
from tests.factories import Person
from tests.integration.notifications.sending import BOTH, message
from tests.support.ledger import ledger  # noqa: F401  # empties it

SEND = "/v1/notifications"
BATCH = "/v1/notifications/batch"

pytestmark = pytest.mark.usefixtures("transactional_db", "ledger")


def round_trips(act: Callable[[], Any]) -> int:
    """How often the server said that it is ready for another query, by the driver's own record of the wire."""
    connection.ensure_connection()
    wire = connection.connection.pgconn
    with tempfile.NamedTemporaryFile() as record:
        wire.trace(record.fileno())
        answer = act()
        wire.untrace()
        assert answer.status_code == 202, answer.content
        record.seek(0)
        return sum(b"ReadyForQuery" in line for line in record)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SEND, message()),
        (SEND, message(content=BOTH, scheduled_at="2030-01-01T00:00:00Z", metadata={"a": "b"})),
        (BATCH, {"messages": [message(), message(), {}], "defaults": {"category": "marketing"}}),
    ],
)
@pytest.mark.parametrize("keyed", [False, True])
def test_a_send_like_one_before_is_one_round_trip(alice: Person, path: str, body: Any, keyed: bool) -> None:
    numbers = iter(range(100))

    def send() -> Any:
        return alice.post(path, body, **({"Idempotency_Key": f"key {next(numbers)}"} if keyed else {}))

    assert round_trips(send) > 1  # the key, the flow and the sender are looked up
    round_trips(send)  # the statement is prepared
    # A memory of two seconds may end between two sends, but not between all of them.
    assert min(round_trips(send) for _ in range(3)) == 1


def test_a_repeated_key_costs_one_more_to_read_its_answer(alice: Person) -> None:
    counts = [round_trips(lambda: alice.post(SEND, message(), Idempotency_Key="one")) for _ in range(6)]
    assert min(counts) == 2


@pytest.fixture
def heard(dsn: str) -> Callable[[], set[int]]:
    """The flows that a dispatcher was woken for, since the last look."""
    listener = psycopg.connect(dsn, autocommit=True)
    listener.execute(f"LISTEN {wake.CHANNEL}")

    def listen() -> set[int]:
        notes = [note.payload for note in listener.notifies(timeout=0.3)]
        return {int(flow) for note in notes for flow in note.split(",")}

    yield listen
    listener.close()


def flow(answer: Any) -> int:
    delivery = answer.json()["deliveries"][0]["id"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT flow_id FROM delivery WHERE id = %s", (delivery,))
        return int(cursor.fetchone()[0])


def test_the_relay_is_woken_for_what_is_due(alice: Person, heard: Callable[[], set[int]]) -> None:
    later = alice.post(SEND, message(scheduled_at="2030-01-01T00:00:00Z", category="marketing"))
    assert (later.status_code, heard()) == (202, set())
    now = alice.post(SEND, message())
    assert heard() == {flow(now)}


def test_the_relay_is_not_woken_before_the_commit_nor_for_what_is_rolled_back(
    alice: Person, heard: Callable[[], set[int]]
) -> None:
    with transaction.atomic():
        sent = alice.post(SEND, message())
        assert heard() == set()
    assert heard() == {flow(sent)}
    with transaction.atomic():
        alice.post(SEND, message(category="marketing"))
        transaction.set_rollback(True)
    assert heard() == set()


def test_a_flow_that_was_rolled_back_is_not_remembered(alice: Person) -> None:
    with transaction.atomic():
        gone = flow(alice.post(SEND, message()))
        transaction.set_rollback(True)
    kept = flow(alice.post(SEND, message()))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM flow WHERE id = %s", (kept,))
        assert cursor.fetchone()[0] == 1
    assert kept != gone
