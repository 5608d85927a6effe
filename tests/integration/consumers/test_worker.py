"""A consumer from envelope to outcome, over the ledger itself."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from providers.base import accepted
from providers.errors import Permanent, Reason, Throttled, Transient
from techrar.dispatch import sweeps
from techrar.policy.priority import Priority
from tests.support.engine import Vendor, running, until
from tests.support.ledger import Ledger

pytestmark = pytest.mark.usefixtures("ledger")


async def test_what_is_accepted_is_sent_once_and_settled(ledger: Ledger, dsn: str) -> None:
    ids = ledger.accept(600)
    vendor = Vendor()
    async with running(dsn, vendor) as run:
        await until(lambda: ledger.states() == {"sent": 600})
        await run.stop()
    assert sorted(vendor.ids) == sorted(ids)
    assert [ledger.count(t) for t in ("envelope", "claim", "begun")] == [0, 0, 0]
    assert ledger.kinds(ids[0]) == {"sent": 1}
    ledger.assert_balanced()


async def test_a_call_that_hangs_holds_up_nothing_but_itself(ledger: Ledger, dsn: str) -> None:
    ledger.accept(1, address="slow@example.com")
    ledger.accept(400)
    vendor = Vendor()
    vendor.hold["slow@example.com"] = release = asyncio.Event()
    async with running(dsn, vendor):
        await until(lambda: ledger.states() == {"sent": 400, "sending": 1})
        release.set()
        await until(lambda: ledger.states() == {"sent": 401})


async def test_messages_of_one_recipient_are_called_in_the_order_they_were_accepted(ledger: Ledger, dsn: str) -> None:
    ids = [ledger.accept(1, address="ann@example.com")[0] for _ in range(40)]
    vendor = Vendor()
    async with running(dsn, vendor):
        await until(lambda: len(vendor.calls) == 40)
    assert vendor.ids == ids


async def test_a_stop_finishes_what_was_called_and_gives_back_the_rest(ledger: Ledger, dsn: str) -> None:
    vendor = Vendor()
    ledger.accept(vendor.capabilities.concurrency, address="slow@example.com")
    ledger.accept(100)
    vendor.hold["slow@example.com"] = release = asyncio.Event()
    async with running(dsn, vendor) as run:
        await until(lambda: len(vendor.calls) == 50 and ledger.states() == {"sending": 150})
        run.stopping.set()
        await until(lambda: ledger.states() == {"sending": 50, "accepted": 100})
        release.set()
        await run.task
    assert ledger.states() == {"sent": 50, "accepted": 100}
    assert len(vendor.calls) == 50
    assert [ledger.count(t) for t in ("envelope", "claim", "begun")] == [0, 0, 0]
    ledger.assert_balanced()


async def test_a_stop_does_not_wait_for_ever(ledger: Ledger, dsn: str) -> None:
    ledger.accept(1, address="slow@example.com")
    vendor = Vendor()
    vendor.hold["slow@example.com"] = asyncio.Event()
    async with running(dsn, vendor, grace=0.2) as run:
        await until(lambda: len(vendor.calls) == 1)
        async with asyncio.timeout(5):
            await run.stop()
    assert ledger.states() == {"sending": 1}, "its lease will run out, and the sweeper will know that a call began"
    assert ledger.count("begun") == 1


async def test_lost_database_sessions_cost_nothing(ledger: Ledger, dsn: str) -> None:
    ids = ledger.accept(2000)
    vendor = Vendor()
    async with running(dsn, vendor) as run:
        for part in (200, 600, 1000):
            await until(lambda part=part: len(vendor.calls) >= part)
            cut_sessions(ledger)
        await until(lambda: not run.worker.gate.total and stands_still(vendor))
        # Where the database committed and could not say so, rows are held by nobody: the sweepers find them.
        ledger.make_overdue()
        ledger.lose_leases()
        sweeps.envelopes(ledger.connection)
        sweeps.leases(ledger.connection)
        await until(lambda: ledger.states() == {"sent": 2000})
    assert sorted(set(vendor.ids)) == sorted(ids)
    doubled = [i for i, n in Counter(vendor.ids).items() if n > 1]
    assert all(ledger.row(i).possible_duplicate for i in doubled)
    ledger.assert_balanced()


async def test_a_rejected_message_fails_and_says_why(ledger: Ledger, dsn: str) -> None:
    [failed] = ledger.accept(1)
    vendor = Vendor()
    vendor.answer = raising(Permanent(Reason.INVALID_ADDRESS, "no such user"))
    async with running(dsn, vendor):
        await until(lambda: ledger.states() == {"failed": 1})
    assert ledger.row(failed).reason == "invalid_address"
    assert ledger.tally() == {"failed": 1}


@pytest.mark.parametrize("reason", [Reason.INVALID_ADDRESS, Reason.UNSUBSCRIBED])
async def test_an_address_that_a_vendor_refuses_for_good_is_not_written_to_again(
    ledger: Ledger, dsn: str, reason: Reason
) -> None:
    ledger.accept(3, address="ann@example.com")
    vendor = Vendor()
    vendor.answer = raising(Permanent(reason, "no"))
    async with running(dsn, vendor):
        await until(lambda: ledger.states() == {"failed": 3})
        ledger.accept(1, address="ann@example.com")
        await until(lambda: ledger.states() == {"failed": 3, "skipped": 1})
    found = ledger.all("SELECT channel, address, reason FROM suppression")
    assert [tuple(row) for row in found] == [("email", "ann@example.com", reason.value)]
    assert len(vendor.calls) == 3
    ledger.assert_balanced()


@pytest.mark.parametrize("reason", [Reason.UNREACHABLE, Reason.BLOCKED, Reason.CONTENT_REFUSED])
async def test_any_other_refusal_says_nothing_about_the_address(ledger: Ledger, dsn: str, reason: Reason) -> None:
    ledger.accept(1)
    vendor = Vendor()
    vendor.answer = raising(Permanent(reason, "no"))
    async with running(dsn, vendor):
        await until(lambda: ledger.states() == {"failed": 1})
    assert ledger.count("suppression") == 0


async def test_whatever_a_vendor_answers_can_be_stored(ledger: Ledger, dsn: str) -> None:
    [sent] = ledger.accept(1)
    vendor = Vendor()
    vendor.answer = lambda message: accepted(
        message, "id\0" + "9" * 9000, body="nul \0 and half a pair \ud800", n=[{"\0": 1}]
    )
    async with running(dsn, vendor):
        await until(lambda: ledger.states() == {"sent": 1})
    [event] = ledger.events(sent)
    assert event.vendor_id.startswith("id999")
    assert event.detail["body"] == "nul  and half a pair ?"


async def test_a_retry_uses_an_attempt_and_being_throttled_does_not(ledger: Ledger, dsn: str) -> None:
    [retried] = ledger.accept(1, address="retry@example.com")
    [throttled] = ledger.accept(1, address="throttled@example.com")
    errors = {
        "retry@example.com": Transient(Reason.CONNECTION),
        "throttled@example.com": Throttled(Reason.RATE, retry_after=30),
    }
    vendor = Vendor()
    vendor.answer = lambda message: errors[message.address].outcome(message)
    async with running(dsn, vendor):
        await until(lambda: ledger.states() == {"scheduled": 2})
    assert (ledger.row(retried).attempt, ledger.row(throttled).attempt) == (1, 0)
    assert ledger.kinds(throttled) == {"throttled": 1}


async def test_critical_messages_have_a_lane_of_their_own(ledger: Ledger, dsn: str) -> None:
    ledger.accept(1, priority=Priority.CRITICAL)
    vendor = Vendor()
    async with running(dsn, vendor):
        ledger.accept(1)
        await until(lambda: len(vendor.calls) == 1)
    assert ledger.states() == {"accepted": 1, "sent": 1}, "the bulk lane's consumer leaves the urgent lane alone"


async def test_a_bug_in_an_adapter_is_held_as_unclear_and_stops_nobody(ledger: Ledger, dsn: str) -> None:
    ledger.accept(1, address="bug@example.com", category="marketing")
    ledger.accept(20)

    def answer(message: object) -> object:
        raise RuntimeError("a bug")

    vendor = Vendor()
    honest = vendor.answer
    vendor.answer = lambda m: answer(m) if m.address == "bug@example.com" else honest(m)
    async with running(dsn, vendor):
        await until(lambda: ledger.states() == {"sent": 20, "unknown": 1})


def raising(error: Permanent) -> object:
    def answer(message: object) -> object:
        raise error

    return answer


def cut_sessions(ledger: Ledger) -> None:
    ledger.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'techrar-%'"
    )


def stands_still(vendor: Vendor) -> bool:
    """Nothing was called for a while."""
    now = time.monotonic()
    if len(vendor.calls) != vendor.seen:
        vendor.seen, vendor.since = len(vendor.calls), now
    return now - vendor.since > 1.5
