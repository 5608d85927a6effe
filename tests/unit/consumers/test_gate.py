"""How many rows may a process hold, and when is it idle?"""

from __future__ import annotations

import asyncio
from collections import Counter

from consumers.engine.work import Gate


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
