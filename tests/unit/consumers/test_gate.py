"""How many rows may a process hold?"""

from __future__ import annotations

import asyncio

from consumers.engine.work import Gate


async def test_who_waits_for_room_goes_on_when_there_is_some() -> None:
    gate = Gate(2)
    gate.take(2)
    waiting = asyncio.create_task(gate.wait_free())
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.give(1)
    await waiting
    assert gate.free == 1


async def test_idle_means_that_nothing_is_held() -> None:
    gate = Gate(5)
    gate.take(2)
    waiting = asyncio.create_task(gate.wait_idle())
    gate.give(1)
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.give(1)
    await waiting
