"""What is a scenario, and how is one run: calm, break, mend, come to rest, check?

To add one, write a function of a `World` in a file below `ops/chaos/scenarios/` and decorate it; nothing else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from ops.chaos.checker import Evidence, check, duplicates
from ops.chaos.result import Result
from ops.chaos.world import World
from techrar.core.ids import floor_id

BACKLOG = 4000
CALM_SECONDS, WARM_SECONDS = 5.0, 30.0
#: The throughput is back when this many seconds have brought that part of what they brought before.
WINDOW_SECONDS, PART = 3.0, 0.9
Act = Callable[[World], None]
#: Channels of which the receiving side drops a second call with the same id.
REMEMBERING = frozenset({"webhook"})


class NotRun(Exception):
    """What this scenario needs cannot be had here; the message says why."""


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    act: Act
    quick: bool  #: part of `make chaos QUICK=1`
    back_within: float  #: seconds from the end of the fault until the throughput is back
    urgent_within: float  #: seconds that 99 of 100 urgent messages may take from their 202 to the vendor
    settle_within: float  #: seconds until nothing is pending any more
    may_strand: bool  #: envelopes may get lost: with the broker's disk, or with whoever had them
    excused: frozenset[str]  #: reasons for which a delivery may end unsent


SCENARIOS: list[Scenario] = []


def scenario(
    name: str,
    *,
    quick: bool = False,
    back_within: float = 30.0,
    urgent_within: float = 5.0,
    settle_within: float = 150.0,
    may_strand: bool = False,
    excused: frozenset[str] = frozenset(),
) -> Callable[[Act], Act]:
    def add(act: Act) -> Act:
        SCENARIOS.append(Scenario(name, act, quick, back_within, urgent_within, settle_within, may_strand, excused))
        return act

    return add


def run(chosen: Scenario, world: World) -> Result:
    result = Result(chosen.name)
    world.begin()
    began, since = time.time(), floor_id(datetime.now(UTC))
    world.campaign.start(world.sink_url, backlog=BACKLOG)
    world.urgent.start(world.sink_url)
    try:
        before = _calm(world)
        chosen.act(world)
        result.back = _back(world, time.time(), before, chosen.back_within)
    except NotRun as reason:
        result.not_run = str(reason)
    finally:
        world.campaign.stop()
        world.urgent.stop()
    result.settled = _settled(world, since, chosen.settle_within)
    _judge(chosen, world, result, began, since)
    return result


def _calm(world: World) -> float:
    """Deliveries per second while nothing is broken."""
    flowing = world.wait(lambda: world.log.bulk_seen - world.seen_before > 500, WARM_SECONDS)
    assert flowing, f"nothing was sent within {WARM_SECONDS:.0f} s although nothing was broken"
    world.watch(CALM_SECONDS)
    now = time.time()
    return world.log.rate(now - CALM_SECONDS, now)


def _back(world: World, mended: float, before: float, within: float) -> float:
    """Seconds from the mending until the throughput was back; NaN when it did not come back in time."""

    def start() -> float | None:
        step, at = 0.25, mended
        while at + WINDOW_SECONDS <= time.time():
            if world.log.rate(at, at + WINDOW_SECONDS) >= PART * before:
                return at
            at += step
        return None

    world.wait(lambda: start() is not None, within + WINDOW_SECONDS)
    found = start()
    return math.nan if found is None else found - mended


def _settled(world: World, since: UUID, within: float) -> float:
    began = time.monotonic()
    return time.monotonic() - began if world.wait(lambda: not world.eyes.pending(since), within) else math.nan


def _judge(chosen: Scenario, world: World, result: Result, began: float, since: UUID) -> None:
    calls = world.log.since(began)
    accepted = {**world.campaign.accepted, **dict.fromkeys(world.urgent.accepted, "webhook")}
    verdict = check(
        Evidence(
            accepted=accepted,
            calls=calls,
            rows=world.eyes.rows(since),
            in_flight=world.cast.in_flight,
            cut_off=world.cut_off,
            idempotent={i for i, channel in accepted.items() if channel in REMEMBERING},
            excused=chosen.excused,
            stranded=() if chosen.may_strand else world.stranded,
            unbalanced=world.eyes.unbalanced(),
        )
    )
    result.accepted, result.lost, result.unexpected = len(accepted), len(verdict.lost), len(verdict.unexpected)
    result.doubled = len(duplicates(calls))
    unknown = world.cast.in_flight + world.cut_off
    result.window = sum(not call.clear for call in calls) + sum(n for i, n in unknown.items() if i in accepted)
    result.urgent_p99 = _p99(world)
    result.wrong = [f"{name}: {n}" for name, n in verdict.wrong.items()] + list(world.cast.fell)
    result.wrong += [*verdict.unbalanced[:3]]
    if result.not_run:
        return
    if math.isnan(result.back):
        result.wrong.append(f"throughput not back within {chosen.back_within:.0f} s")
    if math.isnan(result.settled):
        result.wrong.append(f"not at rest within {chosen.settle_within:.0f} s")
    if not result.urgent_p99 <= chosen.urgent_within:
        result.wrong.append(f"urgent p99 over {chosen.urgent_within:.0f} s")


def _p99(world: World) -> float:
    """From the 202 to the vendor. What never arrived is not here: it is lost, or stuck."""
    first = world.log.first
    waits = sorted(max(0.0, first[i] - at) for i, at in world.urgent.accepted.items() if i in first)
    return waits[math.ceil(len(waits) * 0.99) - 1] if waits else math.nan
