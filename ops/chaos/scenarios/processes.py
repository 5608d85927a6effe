"""Processes of the service that are killed, stopped, or live in another time."""

from __future__ import annotations

import os
import random
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.chaos.campaign import PART, audiences
from ops.chaos.cast import CONSUMERS, DISPATCHERS
from ops.chaos.scenario import NotRun, scenario
from ops.chaos.world import World
from ops.local import debian

BULK = ("bulk-1", "bulk-2")
KILLS, QUICK_KILLS = 20, 6
DICE = random.Random(3)  # noqa: S311 - who is next, keeps no secret


@scenario("consumers killed", quick=True, urgent_within=75)
def consumers_killed(world: World) -> None:
    """The same one again before it is well, or another one: twenty times."""
    for _ in range(QUICK_KILLS if world.quick else KILLS):
        world.cast.kill(DICE.choice(CONSUMERS))
        world.watch(DICE.uniform(0.5, 2.5))


@scenario("dispatchers killed", urgent_within=30)
def dispatchers_killed(world: World) -> None:
    for names in (DISPATCHERS[:1], DISPATCHERS[1:], DISPATCHERS, DISPATCHERS):
        world.cast.kill(*names)
        world.watch(3)


@scenario("web workers killed")
def web_workers_killed(world: World) -> None:
    """Slower than granian loses heart: it ends when the same worker dies twice within 5.5 seconds."""
    for _ in range(4):
        os.kill(DICE.choice(_children(world.cast.processes["web"].running.pid)), signal.SIGKILL)
        world.watch(7)


@scenario("consumers stopped under load", urgent_within=30)
def consumers_stopped(world: World) -> None:
    """SIGTERM: nothing is in doubt afterwards, so nothing may be sent twice."""
    for _ in range(3):
        world.cast.restart(*CONSUMERS)
        world.watch(3)


@scenario("clocks three days off")
def clocks_off(world: World) -> None:
    """Leases and due times are the database's: a message that may still be sent for ten minutes is sent."""
    library = _faketime()
    for name, shift in zip(BULK, ("+3d", "-3d"), strict=True):
        world.cast.restart(name, LD_PRELOAD=library, FAKETIME=shift, FAKETIME_DONT_FAKE_MONOTONIC="1")
    until = datetime.now(UTC) + timedelta(minutes=10)
    for audience in audiences(world.sink_url):
        world.campaign.accept(audience, PART, values={"d_expires_at": [until] * PART})
    world.watch(10)
    world.cast.restart(*BULK)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _faketime() -> str:
    found = _libraries()
    if not found and (why := debian.install(["libfaketime"], say=lambda _sentence: None)):
        raise NotRun(why)
    found = _libraries()
    if not found:
        raise NotRun("libfaketime is not where Debian puts it")
    return str(found[0])


def _libraries() -> list[Path]:
    return sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
