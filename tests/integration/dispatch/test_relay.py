"""What goes to the broker, when, and how much of it?"""

from __future__ import annotations

import pytest

from techrar.broker.envelope import Envelope
from techrar.dispatch import relay as module
from techrar.dispatch import sweeps
from techrar.dispatch.pace import FIRST_WINDOW
from techrar.dispatch.relay import CHECK_SECONDS, STALLED_CHECK_SECONDS, Relay
from techrar.ledger.flows import FlowState
from tests.integration.dispatch.conftest import Clock, Shelf
from tests.support.ledger import Ledger, session


def rounds(relay: Relay, clock: Clock, count: int, *, every: float = 0.6) -> int:
    """So many rounds, far enough apart that each looks for due flows by itself."""
    done = 0
    for _ in range(count):
        clock.now += every
        done += relay.round()
    return done


def test_what_is_due_is_published_without_a_hint(ledger: Ledger, relay: Relay, shelf: Shelf) -> None:
    ids = ledger.accept(3)
    assert relay.round() == 3
    (envelope,) = shelf.envelopes
    assert envelope.ids == ids
    assert (envelope.lane, envelope.flow_id, envelope.priority, envelope.solo) == ("email", ledger.flow(), 2, False)


def test_rows_are_reserved_and_committed_before_the_broker_hears_of_them(
    ledger: Ledger, relay: Relay, shelf: Shelf
) -> None:
    ledger.accept(3)
    seen: list[list[object]] = []

    def look(envelope: Envelope) -> bool:
        with session(ledger.dsn) as other:
            seen.append(other.execute("SELECT state, held_by FROM delivery").fetchall())
        return False

    shelf.refuses = look
    relay.round()
    assert seen == [[(3, shelf.seen[0].publish_id)] * 3]


def test_no_transaction_is_open_while_the_broker_is_asked(ledger: Ledger, relay: Relay, shelf: Shelf) -> None:
    ledger.accept(3)
    pid = relay.connection.info.backend_pid
    states: list[str] = []

    def look(envelope: Envelope) -> bool:
        states.append(ledger.one("SELECT state FROM pg_stat_activity WHERE pid = %s", (pid,)))
        return False

    shelf.refuses = look
    relay.round()
    assert states == ["idle"]


def test_each_priority_has_its_lane_and_its_place(ledger: Ledger, relay: Relay, shelf: Shelf) -> None:
    for priority in (3, 1, 0, 2):
        ledger.accept(priority=priority)
    relay.round()
    assert [(e.lane, e.priority) for e in shelf.seen] == [
        ("email.urgent", 3),
        ("email", 2),
        ("email", 1),
        ("email", 0),
    ]


def test_what_killed_its_consumers_is_published_alone(ledger: Ledger, relay: Relay, shelf: Shelf) -> None:
    ids = ledger.accept(3)
    ledger.connection.execute("UPDATE delivery SET lost_leases = 2 WHERE id = %s", (ids[0],))
    relay.round()
    assert [(e.ids, e.solo) for e in shelf.seen] == [(ids[1:], False), (ids[:1], True)]


def test_the_broker_holds_a_moment_of_work_and_never_a_campaign(
    ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock
) -> None:
    ledger.accept(2_000)
    rounds(relay, clock, 5)
    assert shelf.holds == FIRST_WINDOW
    shelf.consume(FIRST_WINDOW)
    rounds(relay, clock, 5)
    assert shelf.holds == 2 * FIRST_WINDOW


def test_one_busy_flow_does_not_close_the_window_of_another(ledger: Ledger, relay: Relay, shelf: Shelf) -> None:
    ledger.accept(1_000)
    relay.round()
    late = ledger.accept(1, merchant=2)
    relay.wake({ledger.flow(merchant=2)})
    assert relay.round() == 1
    assert shelf.seen[-1].ids == late


@pytest.mark.parametrize("state", [FlowState.PAUSED, FlowState.HELD, FlowState.CANCELLED])
def test_a_flow_that_is_stopped_is_not_touched_until_it_runs_again(
    ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock, state: FlowState
) -> None:
    ledger.accept(3)
    ledger.connection.execute("UPDATE flow SET state = %s", (state,))
    assert rounds(relay, clock, 3) == 0
    assert ledger.states() == {"accepted": 3}
    ledger.connection.execute("UPDATE flow SET state = %s", (FlowState.ACTIVE,))
    assert rounds(relay, clock, 1) == 3


def test_a_flow_that_is_moved_up_goes_first_at_the_broker(
    ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock
) -> None:
    ledger.accept(priority=3)
    ledger.accept(merchant=2, priority=1)
    ledger.connection.execute("UPDATE flow SET priority = 0 WHERE birth_priority = 3")
    relay.round()
    assert [(e.lane, e.priority) for e in shelf.seen] == [("email", 3), ("email", 2)]


@pytest.mark.parametrize(
    ("scope", "subject", "stopped"),
    [("installation", "", {1, 2}), ("merchant", "2", {2}), ("channel", "email", {1, 2}), ("channel", "sms", set())],
)
def test_a_brake_stops_whom_it_names_and_within_two_seconds(
    *, ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock, scope: str, subject: str, stopped: set[int]
) -> None:
    relay.round()
    ledger.connection.execute("INSERT INTO brake (scope, subject) VALUES (%s, %s)", (scope, subject))
    clock.now += 1.9
    flows = {merchant: ledger.flow(merchant=merchant) for merchant in (1, 2)}
    for merchant in flows:
        ledger.accept(merchant=merchant)
    relay.round()
    assert {e.flow_id for e in shelf.seen} == {flow for merchant, flow in flows.items() if merchant not in stopped}
    ledger.connection.execute("DELETE FROM brake")
    assert rounds(relay, clock, 1) == len(stopped)


@pytest.mark.parametrize(
    "how", ["UPDATE flow SET throttle = 100", "INSERT INTO brake VALUES ('installation', '', 100)"]
)
def test_a_rate_is_kept_over_time(ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock, how: str) -> None:
    ledger.accept(500)
    ledger.connection.execute(how)
    sent = 0
    for _ in range(150):
        sent += rounds(relay, clock, 1, every=0.02)
        shelf.consume(1_000)
    assert 280 <= sent <= 320, "3 seconds of 100 a second"


def test_what_the_broker_refuses_goes_back_and_is_tried_again_after_a_pause(
    ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock
) -> None:
    ids = ledger.accept(3)
    shelf.refuses = lambda envelope: True
    assert relay.round() == 0
    assert ledger.states() == {"accepted": 3}
    assert ledger.count("envelope") == 0
    clock.now += 0.1
    relay.round()
    assert len(shelf.seen) == 1, "the broker is left in peace for a moment"
    shelf.refuses = lambda envelope: False
    assert rounds(relay, clock, 1) == 3
    assert shelf.envelopes[0].ids == ids


def test_what_was_refused_goes_first_when_the_broker_is_back(
    ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock
) -> None:
    ids = ledger.accept(1_000)
    shelf.refuses = lambda envelope: True
    relay.round()
    shelf.refuses = lambda envelope: False
    rounds(relay, clock, 1)
    assert shelf.envelopes[0].ids == ids[:FIRST_WINDOW]


def test_only_what_was_refused_goes_back(ledger: Ledger, relay: Relay, shelf: Shelf) -> None:
    ledger.accept(2)
    ledger.accept(3, channel="sms")
    shelf.refuses = lambda envelope: envelope.lane == "sms"
    assert relay.round() == 2
    assert ledger.states() == {"queued": 2, "accepted": 3}


def test_a_broker_that_is_away_does_not_open_the_window(
    ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock
) -> None:
    """Else a flood would be waiting for it when it comes back."""
    ledger.accept(2_000)
    shelf.refuses = lambda envelope: True
    rounds(relay, clock, 20, every=3.0)
    assert len(shelf.seen) == 20
    shelf.refuses = lambda envelope: False
    rounds(relay, clock, 3, every=3.0)
    assert shelf.holds == FIRST_WINDOW


def test_a_broker_without_consumers_fills_slower_and_slower(
    ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock
) -> None:
    ledger.accept(2_000)
    waits = []
    for _ in range(3):
        rounds(relay, clock, 2)
        waits.append(ledger.one("SELECT extract(epoch FROM max(check_at) - max(reserved_at))::int FROM envelope"))
        clock.now += waits[-1] + 1
        ledger.make_overdue()
        sweeps.envelopes(ledger.connection)
    assert waits == [CHECK_SECONDS, STALLED_CHECK_SECONDS, STALLED_CHECK_SECONDS]
    assert len(shelf.seen) == 3
    assert {len(e.ids) for e in shelf.seen} == {FIRST_WINDOW}


def test_the_first_claim_after_a_silence_ends_it(ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock) -> None:
    ledger.accept(2_000)
    rounds(relay, clock, 1)
    clock.now += CHECK_SECONDS + 10
    shelf.consume(1_000)
    rounds(relay, clock, 1)
    wait = ledger.one("SELECT extract(epoch FROM max(check_at) - max(reserved_at))::int FROM envelope")
    assert wait == CHECK_SECONDS


def test_low_priorities_keep_a_twentieth_of_a_lane_that_never_rests(
    ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENVELOPE_SIZE", 20)  # finer than a round's work, as in a real lane
    high, low, lowest = ledger.flow(priority=1), ledger.flow(priority=2), ledger.flow(priority=3)
    done = {high: 0, low: 0, lowest: 0}
    for n in range(150):
        if n % 20 == 0:
            for priority in (1, 2, 3):
                ledger.accept(1_000, priority=priority)
        rounds(relay, clock, 1, every=0.02)
        for claimed in shelf.consume(40):
            for row in claimed.rows:
                done[row.flow_id] += 1
    total = sum(done.values())
    assert (done[low] + done[lowest]) / total >= 0.045
    assert min(done[low], done[lowest]) / total >= 0.02
    assert done[high] / total >= 0.85
    ledger.assert_balanced()


def test_rows_that_came_back_are_found_although_they_are_older(
    ledger: Ledger, relay: Relay, shelf: Shelf, clock: Clock
) -> None:
    ids = ledger.accept(10)
    relay.round()
    shelf.envelopes.clear()
    ledger.make_overdue()
    sweeps.envelopes(ledger.connection)
    newer = ledger.accept(5)
    rounds(relay, clock, 3)
    assert sorted(i for e in shelf.envelopes for i in e.ids) == ids + newer
