"""Several dispatchers: who owns a lane, and who takes over?"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from uuid_utils.compat import uuid7

from techrar.broker.envelope import Envelope
from techrar.dispatch import process
from techrar.dispatch import relay as module
from techrar.dispatch.process import Thread, relay_thread
from techrar.dispatch.relay import LEAD_EVERY, Relay
from techrar.dispatch.sql import CHANNEL
from tests.integration.dispatch.conftest import LANES, Clock, Shelf
from tests.support.ledger import Ledger, session

SOON = 10.0


class Told:
    """A broker that only says who published what."""

    def __init__(self, name: str, heard: queue.SimpleQueue[tuple[str, list[UUID]]]) -> None:
        self.name = name
        self.heard = heard

    def publish(self, envelopes: Sequence[Envelope], *, deadline: float) -> set[UUID]:
        for envelope in envelopes:
            self.heard.put((self.name, envelope.ids))
        return {e.publish_id for e in envelopes}


@pytest.fixture
def heard() -> queue.SimpleQueue[tuple[str, list[UUID]]]:
    return queue.SimpleQueue()


@pytest.fixture
def dispatchers(
    ledger: Ledger, heard: queue.SimpleQueue[tuple[str, list[UUID]]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Thread]]:
    """Two processes' worth of relay threads, quick to look for a lane."""
    monkeypatch.setattr(module, "LEAD_EVERY", 0.05)
    monkeypatch.setattr(module, "DISCOVER_EVERY", 0.05)
    monkeypatch.setattr(process, "IDLE_PAUSE", 0.05)
    stop = threading.Event()
    threads = {
        name: relay_thread(
            name,
            ledger.dsn,
            lanes=["email", "sms"],
            publisher=lambda name=name: Told(name, heard),  # type: ignore[misc]
            new_id=uuid7,
            stop=stop,
        )
        for name in ("first", "second")
    }
    for thread in threads.values():
        thread.start()
    yield threads
    stop.set()
    for thread in threads.values():
        thread.join(SOON)
        assert not thread.is_alive()
        assert thread.failure is None


def kill(ledger: Ledger, name: str) -> None:
    """End that dispatcher's session, as a crash or a restart of the database would."""
    ended = ledger.one(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (f"techrar-{name}",)
    )
    assert ended


def test_one_dispatcher_owns_a_lane_and_another_takes_it_over_when_its_session_dies(
    ledger: Ledger, heard: queue.SimpleQueue[tuple[str, list[UUID]]], dispatchers: dict[str, Thread]
) -> None:
    owners = []
    for _ in range(3):
        ids = ledger.accept(2)
        owner, published = heard.get(timeout=SOON)
        assert published == ids
        owners.append(owner)
    assert len(set(owners)) == 1, "nobody else publishes while it lives"
    kill(ledger, owners[0])
    ids = ledger.accept(2)
    successor, published = heard.get(timeout=SOON)
    assert published == ids
    assert successor != owners[0]
    assert heard.empty()
    ledger.assert_balanced()


def test_lanes_are_owned_one_by_one(ledger: Ledger, shelf: Shelf, clock: Clock) -> None:
    """So that any number of dispatchers share the work, and none waits for another."""
    ledger.accept(), ledger.accept(channel="sms")
    with session(ledger.dsn) as one, session(ledger.dsn) as two:
        first = Relay(one, shelf, lanes=["email"], new_id=uuid7, clock=clock)
        second = Relay(two, shelf, lanes=LANES, new_id=uuid7, clock=clock)
        first.round(), second.round()
        assert (first.owned, second.owned) == ({"email"}, set(LANES) - {"email"})
        assert sorted(e.lane for e in shelf.seen) == ["email", "sms"]
        end(ledger, one)
        clock.now += LEAD_EVERY
        second.round()
        assert second.owned == set(LANES)


def end(ledger: Ledger, connection: Connection[Any]) -> None:
    """Close a session and wait until the server has noticed: its locks are held until then."""
    pid = connection.info.backend_pid
    connection.close()
    for _ in range(1_000):
        if not ledger.all("SELECT FROM pg_stat_activity WHERE pid = %s", (pid,)):
            return
        ledger.connection.execute("SELECT pg_sleep(0.005)")
    raise AssertionError("the session never ended")


def test_a_relay_without_a_lane_touches_nothing(ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock) -> None:
    relay.round()
    ledger.accept(3)
    with session(ledger.dsn) as connection:
        idle = Relay(connection, shelf, lanes=LANES, new_id=uuid7, clock=clock)
        assert idle.round() == 0
    assert ledger.states() == {"accepted": 3}


def test_a_hint_wakes_a_relay_that_would_look_by_itself_much_later(
    ledger: Ledger, heard: queue.SimpleQueue[tuple[str, list[UUID]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DISCOVER_EVERY", 3600.0)
    monkeypatch.setattr(process, "IDLE_PAUSE", 3600.0)
    stop = threading.Event()
    thread = relay_thread(
        "sleeper", ledger.dsn, lanes=["email"], publisher=lambda: Told("sleeper", heard), new_id=uuid7, stop=stop
    )
    first, other = ledger.accept(), ledger.flow(merchant=2)
    thread.start()
    try:
        assert heard.get(timeout=SOON) == ("sleeper", first), "it looks once when it starts"
        second = ledger.accept(merchant=2)
        ledger.connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(other)))
        assert heard.get(timeout=SOON) == ("sleeper", second)
    finally:
        stop.set()
        ledger.connection.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
        thread.join(SOON)
    assert not thread.is_alive()
