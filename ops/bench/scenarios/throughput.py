"""Campaigns: one call a message, a batch endpoint, and a vendor that takes its time; beside their floors and peers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from ops.bench import floor, peers, processes
from ops.bench.drain import Flowed, watch
from ops.bench.results import Peer, Result
from ops.bench.stage import CALLS, MANY_CALLS, Stage
from ops.bench.world import BUILD

#: Deliveries a second below which a floor is badly made, on a machine like the reference; others in proportion.
LEAST = {"one": 10_000.0, "many": 45_000.0, "celery": 200.0}
LATENCY = {"latency": 0.1, "tail": 0.002}
#: Others may be working on this machine, which slows everything down alike.
TOLERANCE = 0.8


def run(stage: Stage) -> Iterator[Result]:
    size = stage.size
    bare = _floor(stage, "one", size.one, CALLS)
    ours = stage.kept["one"] = stage.campaign(stage.one, size.one, "campaign")
    others = _peers(stage)
    yield Result(
        "campaign, one call a message",
        ours.rate,
        "1/s",
        bare.rate,
        0.7,
        peers=others,
        cost=ours.cost,
        note=_cpu(bare, ours),
    )
    bare = _floor(stage, "many", size.many, 4)
    ours = stage.campaign(stage.many, size.many, "batch campaign")
    yield Result("campaign, 500 a call", ours.rate, "1/s", bare.rate, 0.4, cost=ours.cost, note=_cpu(bare, ours))
    bare = _floor(stage, "one", size.slow, MANY_CALLS, **LATENCY)
    ours = stage.campaign(stage.slow, size.slow, "slow vendor", **LATENCY)
    yield Result(
        "campaign, vendor takes 100 ms", ours.rate, "1/s", bare.rate, 0.7, cost=ours.cost, note=_cpu(bare, ours)
    )


def _floor(stage: Stage, kind: str, count: int, calls: int, **manners: float) -> Flowed:
    world = stage.world
    world.clear()
    world.sink.behave(**manners)
    floor.prepare(world.connection, os.environ["AMQP_URL"], count)
    words = ("-m", "ops.bench.floor", kind, str(calls), world.sink.url)
    with processes.running({"floor 1": words, "floor 2": words}, BUILD) as pids:
        flowed = watch(world, count, pids, lambda seen: stage.say(f"floor, {kind}: {seen}"))
    if not manners:
        _check(stage, kind, flowed.rate)
    return flowed


def _check(stage: Stage, kind: str, rate: float) -> None:
    """A comparison that is slower than it can be would flatter us: it fails the run."""
    least = LEAST[kind] * stage.speed * TOLERANCE
    if rate < least:
        stage.unfair.append(f"{kind} reached {rate:.0f} a second where {least:.0f} are expected of this machine")


def _peers(stage: Stage) -> dict[str, Peer]:
    found: dict[str, Peer] = {}
    wanted: tuple[tuple[str, float, Callable[[], float]], ...] = (
        ("Celery", 20.0, lambda: peers.celery(stage.world, stage.size.celery)),
        ("BullMQ", 3.0, lambda: peers.bullmq(stage.world, stage.size.bullmq)),
    )
    for name, times, measure in wanted:
        stage.say(f"peer: {name}")
        try:
            found[name] = Peer(measure(), times)
        except peers.NotHere as reason:
            stage.say(f"{name} is left out: {reason}\n")
    _check(stage, "celery", found["Celery"].value)
    return found


def _cpu(bare: Flowed, ours: Flowed) -> str:
    """The ratio of what both cost, which another process on the machine disturbs less than the ratio of speeds."""
    return f"CPU {bare.cpu * 1000:.0f} of {ours.cpu * 1000:.0f} ms: {bare.cpu / ours.cpu:.2f}" if ours.cpu else ""
