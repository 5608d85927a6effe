"""Law 5: whoever is killed in the middle of a call loses nothing, and what may have gone out twice says so."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from ops.chaos.processes import Process
from tests.laws.conftest import a_minute_later, bury_the_dead
from tests.laws.consumer_process import CALLS_AT_ONCE, Sink
from tests.support.engine import running, until
from tests.support.http_receiver import Receiver, Reply
from tests.support.ledger import Ledger

EACH, ANSWERED = 30, 6
KINDS = ("transactional", "marketing")


def asked(sink: Receiver) -> list[UUID]:
    """Which deliveries the vendor was asked to send, by its own account."""
    return [UUID(request.path.lstrip("/")) for request in sink.received]


async def kill_in_mid_flight(ledger: Ledger, sink: Receiver, log: Path, *options: str) -> set[UUID]:
    """Some calls have been answered, others hang, the rest is claimed and waits: kill -9. Answers what hung."""
    command = ("-m", "tests.laws.consumer_process", ledger.dsn, sink.url, *options)
    with Process(*command, log=log, PYTHONPATH=".:platform") as consumer:
        await sink.wait_for(ANSWERED + CALLS_AT_ONCE)
        await until(lambda: ledger.states() == {"sent": ANSWERED, "sending": 2 * EACH - ANSWERED})
        consumer.kill()
    return {r.id for r in ledger.all("SELECT id FROM delivery WHERE state = 4")} & set(asked(sink))


async def check_that_a_kill_loses_nothing_and_hides_nothing(ledger: Ledger, log: Path, *options: str) -> None:
    ids: dict[str, set[UUID]] = {category: set() for category in KINDS}
    for category in KINDS * EACH:
        ids[category] |= set(ledger.accept(category=category))
    hanging = [Reply(hang=True)] * CALLS_AT_ONCE
    async with Receiver(*[Reply()] * ANSWERED, *hanging) as sink:
        in_flight = await kill_in_mid_flight(ledger, sink, log, *options)
        assert len(in_flight) == CALLS_AT_ONCE
        await asyncio.to_thread(bury_the_dead, ledger)
        await asyncio.to_thread(a_minute_later, ledger)
        held = in_flight & ids["marketing"]
        assert held
        assert held < in_flight
        async with running(ledger.dsn, Sink(sink.url)):
            await until(lambda: not {"accepted", "queued", "sending"} & set(ledger.states()))
        seen = Counter(asked(sink))
    doubled = {i for i, times in seen.items() if times > 1}
    flagged = {r.id for r in ledger.all("SELECT id FROM delivery WHERE possible_duplicate")}
    assert set(seen) == ids["transactional"] | ids["marketing"], "nothing is lost, nothing was invented"
    assert doubled == flagged == in_flight & ids["transactional"], "what may have gone out twice says so"
    assert {r.id for r in ledger.all("SELECT id FROM delivery WHERE state = 5")} == held
    uncalled = (ids["transactional"] | ids["marketing"]) - in_flight
    assert {ledger.row(i).attempt for i in uncalled} == {1}, "what was only claimed goes back unharmed"
    ledger.assert_balanced()


async def test_a_killed_consumer_loses_nothing_and_every_duplicate_is_flagged(ledger: Ledger, tmp_path: Path) -> None:
    await check_that_a_kill_loses_nothing_and_hides_nothing(ledger, tmp_path / "log")


async def test_it_would_be_noticed_if_calls_were_not_noted_before_they_are_made(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="what may have gone out twice says so"):
        await check_that_a_kill_loses_nothing_and_hides_nothing(ledger, tmp_path / "log", "--forgetful")
    assert ledger.one("SELECT count(*) FROM delivery WHERE possible_duplicate") == 0, "the duplicates were hidden"
