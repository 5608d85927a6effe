"""Which things happen, one after the other, in the history of a number?"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from techrar.ledger.flows import FlowState
from techrar.policy.priority import Priority
from tests.simulation.dispatcher import CHORES
from tests.simulation.invariants import Ranks, wrong
from tests.simulation.process import Process
from tests.simulation.server import Server
from tests.simulation.vendor import POISON
from tests.simulation.world import CALLS, PRIORITIES, PUBLISHES, World

STEPS = 40
LOOK_EVERY = 5
CATEGORIES = ("transactional", "transactional", "marketing")
#: One history in so many has no deaths and no outages: then no lease may be lost, either.
CALM = 4
PAUSES = (0.0, 0.005, 0.05, 0.5, 3.0, 20.0, 61.0)
#: Where it hurts most to die: before it is done, and when it is done but not known.
CONSUMER_POINTS = (
    *("takes", "asks: claim", "was answered: claim", "asks: begin", "was answered: begin", "calls", "hears"),
    *("asks: move", "was answered: move", "sends", "sees", "asks: renew", "was answered: renew"),
)
DISPATCHER_POINTS = (
    *("asks: pick", "asks: reserve", "asks: commit", "was answered: commit", "publishes", "sees", "asks: give back"),
    *("asks: move", "asks: wake", "was answered: move", "asks: lead"),
)


@dataclass
class Result:
    seed: int
    wrong: list[str]
    trace: list[tuple[float, str, str]] = field(repr=False)


def some_priority(rng: random.Random) -> Priority:
    return rng.choices(PRIORITIES, (2, 6, 1))[0]


def send(world: World, rng: random.Random) -> None:
    due = rng.choice([None, None, None, rng.uniform(0.1, 30)])
    expires = rng.choice([None, None, None, rng.uniform(1, 200)])
    poison = world.poisonous and rng.random() < 0.03
    world.web.send(
        1 if poison else rng.randint(1, 4),
        priority=some_priority(rng),
        category=rng.choice(CATEGORIES),
        due=due,
        expires=expires,
        address=POISON if poison else "",
    )


def cancel(world: World, rng: random.Random) -> None:
    known = sorted(world.web.accepted)
    world.web.cancel(rng.sample(known, min(len(known), 3))) if known else None


def kill_at_work(world: World, rng: random.Random, kind: Sequence[Process], points: Sequence[str]) -> None:
    """Something is to be done, and who does it dies of it, sooner or later."""
    send(world, rng)
    world.pass_time(0.05)
    world.kill_at(rng.choice(kind), rng.choice(points))
    for number in range(len(world.dispatchers)):
        world.dispatch(number)


def exile(world: World, rng: random.Random) -> None:
    """A consumer is away for longer than its lease, its rows go to others, and then it comes back with its outcomes."""
    send(world, rng)
    world.pass_time(0.05)
    world.dispatch(0)
    world.cut(rng.randrange(len(world.consumers)), rng.randint(1, 10), rng.choice((65.0, 90.0)))
    world.pass_time(rng.choice((57.0, 62.0)))
    world.chore(0, "leases")
    world.pass_time(0.05)
    world.dispatch(1)


#: What may happen, and how often next to the others.
EVENTS: dict[str, tuple[int, Callable[[World, random.Random], object]]] = {
    "send": (8, send),
    "cancel": (2, cancel),
    "dispatch": (16, lambda w, r: w.dispatch(r.randrange(2))),
    "chore": (8, lambda w, r: w.chore(r.randrange(2), r.choice(list(CHORES)))),
    "apply receipts": (6, lambda w, r: w.receipts.round()),
    "kill": (2, lambda w, r: w.kill(r.randrange(4), r.choice([0, 1, 2, 3, 5, 8, 13, 21]))),
    "kill consumer": (4, lambda w, r: kill_at_work(w, r, w.consumers, CONSUMER_POINTS)),
    "kill dispatcher": (3, lambda w, r: kill_at_work(w, r, w.dispatchers, DISPATCHER_POINTS)),
    "revive": (5, lambda w, r: w.revive()),
    "stop": (1, lambda w, r: w.stop(r.randrange(2))),
    "cut": (2, lambda w, r: w.cut(r.randrange(4), r.randint(1, 12), r.choice((0.0, 0.0, 3.0, 40.0)))),
    "exile": (1, exile),
    "stall": (1, lambda w, r: w.stall(r.randrange(4), r.choice([1.0, 10.0, 60.0, 120.0]))),
    "lose broker": (1, lambda w, r: w.lose_broker_connection(r.randrange(2))),
    "wipe broker": (1, lambda w, r: w.wipe_broker()),
    "old envelope": (3, lambda w, r: w.an_old_envelope_comes_again()),
    "moods": (3, lambda w, r: w.change_moods(r.choice(list(CALLS)), r.choice(list(PUBLISHES)))),
    "pause": (1, lambda w, r: w.web.steer(some_priority(r), r.choice([FlowState.PAUSED, FlowState.ACTIVE]))),
}
FAULTS = {"kill", "kill consumer", "kill dispatcher", "cut", "exile", "stall"}


def play(world: World, rng: random.Random) -> list[str]:
    """The history of this world, up to its end; what is wrong then."""
    calm = rng.random() < 1 / CALM
    names, weights = list(EVENTS), [0 if calm and name in FAULTS else weight for name, (weight, _) in EVENTS.items()]
    world.poisonous = not calm
    world.change_moods(rng.choice(list(CALLS)), rng.choice(list(PUBLISHES)))
    ranks = Ranks()
    send(world, rng)
    for step in range(STEPS):
        name = rng.choices(names, weights)[0]
        world.note("world", name)
        EVENTS[name][1](world, rng)
        world.pass_time(rng.choices(PAUSES, (3, 8, 8, 5, 3, 1, 1))[0])
        if step % LOOK_EVERY == 0:
            ranks.look(world)
    world.settle()
    ranks.look(world)
    return wrong(world)


def run(server: Server, seed: int) -> Result:
    server.clean()
    rng = random.Random(seed)
    world = World(server, rng)
    try:
        found = play(world, rng)
    except Exception as error:  # noqa: BLE001 whatever breaks is a finding, and has a number
        found = [f"{type(error).__name__}: {error}"]
    finally:
        world.close()
    return Result(seed, found, world.trace)
