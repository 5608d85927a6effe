"""Which exchanges, queues and bindings does the broker need?

Pure data: `plan()` says what must exist, `declare` makes and checks it, publisher and consumers take their names here.
Work waits in `deliver.*`, short retries in `retry.*` (one queue per delay), what an operator should see in `dead.*`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

DELIVER, RETRY, DEAD = "deliver", "retry", "dead"
URGENT = ".urgent"

#: The header by which the `retry` exchange finds the queue. The routing key cannot do that: it has to stay the one of
#: the work queue, because that is where the expired message goes back to.
RETRY_HEADER = "retry-in"

#: 0..3, larger goes first at the broker. Few levels, because a classic queue pays a sub-queue for each.
TOP_PRIORITY = 3

#: RabbitMQ 4 drops a message of a quorum queue after 20 returns unless told otherwise, and poison is the ledger's
#: business. "Unlimited" is spelled -1 there, which 3.x takes for zero; a large number means the same on both.
DELIVERY_LIMIT = 1_000_000

DEAD_LENGTH, DEAD_DAYS = 10_000, 7
_CHANNEL = re.compile(r"[a-z][a-z0-9_]*")


class Profile(StrEnum):
    CLASSIC = "classic"  #: one priority queue per lane; every RabbitMQ since 3.10
    QUORUM = "quorum"  #: one replicated queue per priority; for clusters


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of the retry ladder."""

    name: str
    seconds: float


LADDER = (Step("1s", 1.0), Step("5s", 5.0), Step("15s", 15.0), Step("1m", 60.0), Step("5m", 300.0), Step("15m", 900.0))
#: A fixed delay would bring everything that failed together back together.
JITTER: Mapping[str, float] = {"a": 0.9, "b": 1.0, "c": 1.1}


@dataclass(frozen=True, slots=True)
class Exchange:
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Queue:
    name: str
    arguments: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Binding:
    exchange: str
    queue: str
    routing_key: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topology:
    profile: Profile
    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]


def plan(channels: Sequence[str], profile: Profile, ladder: Sequence[Step] = LADDER) -> Topology:
    """Everything that must exist for these channels. `ladder` is for tests that cannot wait fifteen minutes."""
    for channel in channels:
        if not _CHANNEL.fullmatch(channel):
            raise ValueError(f"channel {channel!r} cannot name a queue: use lower-case letters, digits and underscores")
    queues: list[Queue] = []
    bindings: list[Binding] = []
    for channel in channels:
        for lane in (channel + URGENT, channel):
            for key in _keys(lane, profile):
                queues.append(_work_queue(key, profile, sorted_inside=not lane.endswith(URGENT)))
                bindings.append(Binding(DELIVER, f"{DELIVER}.{key}", key))
        queues.append(_dead_queue(channel, profile))
        bindings.append(Binding(DEAD, dead_queue(channel), channel))
    for step in ladder:
        for variant, factor in JITTER.items():
            queues.append(_retry_queue(step, variant, factor, profile))
            header = {"x-match": "all", RETRY_HEADER: f"{step.name}.{variant}"}
            bindings.append(Binding(RETRY, retry_queue(step, variant), arguments=header))
    exchanges = (Exchange(DELIVER, "direct"), Exchange(RETRY, "headers"), Exchange(DEAD, "direct"))
    return Topology(profile, exchanges, tuple(queues), tuple(bindings))


def routing_key(lane: str, priority: int, profile: Profile) -> str:
    """Where an envelope of this lane and broker priority goes."""
    if profile is Profile.CLASSIC or lane.endswith(URGENT):
        return lane
    level = TOP_PRIORITY - priority  # 1 is the most urgent that the bulk lane knows
    return f"{lane}.p{min(max(level, 1), TOP_PRIORITY)}"


def work_queues(lane: str, profile: Profile) -> tuple[str, ...]:
    """The queues that a consumer of this lane reads, most urgent first."""
    return tuple(f"{DELIVER}.{key}" for key in _keys(lane, profile))


def retry_rung(step: Step, publish_id: UUID) -> str:
    """Which of a step's queues an envelope waits in: spread evenly, the same for the same envelope."""
    variants = list(JITTER)
    return f"{step.name}.{variants[publish_id.int % len(variants)]}"


def retry_queue(step: Step, variant: str) -> str:
    return f"{RETRY}.{step.name}.{variant}"


def dead_queue(channel: str) -> str:
    return f"{DEAD}.{channel}"


def channel_of(lane: str) -> str:
    return lane.removesuffix(URGENT)


def step_for(seconds: float) -> Step | None:
    """The first rung that waits at least so long; None when the wait belongs into the ledger."""
    return next((step for step in LADDER if step.seconds >= seconds), None)


def broker_priority(level: int) -> int:
    """Our priorities count up from 0 = critical; the broker's larger number goes first."""
    return TOP_PRIORITY - level


def _keys(lane: str, profile: Profile) -> tuple[str, ...]:
    if profile is Profile.CLASSIC or lane.endswith(URGENT):
        return (lane,)
    return tuple(f"{lane}.p{level}" for level in range(1, TOP_PRIORITY + 1))


def _arguments(profile: Profile) -> dict[str, str | int]:
    """What all queues share. Full means "refuse": dropping the head would drop the most urgent first."""
    arguments: dict[str, str | int] = {"x-queue-type": str(profile), "x-overflow": "reject-publish"}
    if profile is Profile.QUORUM:
        arguments["x-delivery-limit"] = DELIVERY_LIMIT
    return arguments


def _work_queue(key: str, profile: Profile, *, sorted_inside: bool) -> Queue:
    arguments = _arguments(profile)
    if profile is Profile.CLASSIC and sorted_inside:
        arguments["x-max-priority"] = TOP_PRIORITY
    return Queue(f"{DELIVER}.{key}", arguments)


def _retry_queue(step: Step, variant: str, factor: float, profile: Profile) -> Queue:
    arguments = _arguments(profile)
    # One delay for the whole queue, so that the head is always the first to be due. No dead-letter routing key: the
    # message's own leads back to where it came from.
    arguments |= {"x-message-ttl": round(step.seconds * factor * 1000), "x-dead-letter-exchange": DELIVER}
    if profile is Profile.QUORUM:
        arguments["x-dead-letter-strategy"] = "at-least-once"
    return Queue(retry_queue(step, variant), arguments)


def _dead_queue(channel: str, profile: Profile) -> Queue:
    """For operators' eyes only, so the oldest may go; the ledger row is the real dead letter."""
    arguments = _arguments(profile) | {
        "x-overflow": "drop-head",
        "x-max-length": DEAD_LENGTH,
        "x-message-ttl": DEAD_DAYS * 86_400_000,
    }
    return Queue(dead_queue(channel), arguments)
