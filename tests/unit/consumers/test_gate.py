"""How many rows may a process hold, and when is it idle?"""

from __future__ import annotations

import asyncio
from collections import Counter

from consumers.engine.work import MOST_WAITING, WORTHWHILE, Gate


def test_what_is_given_back_is_free_again() -> None:
    gate = Gate(10)
    gate.take(Counter({1: 4, 2: 3}))
    gate.give(Counter({1: 4}))
    assert (gate.free, gate.held) == (7, Counter({2: 3}))


async def test_idle_means_that_nothing_is_held() -> None:
    gate = Gate(5)
    gate.take(Counter({1: 2}))
    waiting = asyncio.create_task(gate.wait_idle())
    gate.give(Counter({1: 1}))
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.give(Counter({1: 1}))
    await waiting


def test_a_flow_that_holds_some_waits_until_a_claim_pays() -> None:
    gate = Gate(2000)
    assert gate.worthwhile(1, 500), "the first one waits for nothing"
    gate.take(Counter({1: MOST_WAITING}))
    gate.call(Counter({1: WORTHWHILE - 1}))
    assert not gate.worthwhile(1, 500)
    assert gate.worthwhile(1, 50), "the last ones of a flow are no more"
    gate.call(Counter({1: 1}))
    assert gate.worthwhile(1, 500)


def test_what_was_called_makes_room_for_what_waits() -> None:
    """A vendor that takes its time has many calls in flight; behind them wait no more rows than behind a quick one."""
    gate = Gate(10_000)
    gate.take(Counter({1: MOST_WAITING}))
    assert gate.room(1) == 0
    gate.call(Counter({1: 300}))
    assert gate.room(1) == 300
    gate.take(Counter({1: 300}))
    gate.give(Counter({1: 350}), called=Counter({1: 300}))
    assert (gate.held[1], gate.waiting[1]) == (MOST_WAITING - 50, MOST_WAITING - 50)
