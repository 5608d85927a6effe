"""The running service that scenarios share, so that each does not wait for it to start."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ops.bench import campaigns, machine, processes
from ops.bench.drain import Flowed, watch
from ops.bench.meter import MemoryWatch
from ops.bench.size import Size
from ops.bench.world import BUILD, Merchant, World
from ops.local import ports

#: Slots for a vendor that takes 100 ms, and of the floor beside it.
MANY_CALLS, CALLS = 1_000, 48


@dataclass
class Stage:
    world: World
    size: Size
    pids: dict[str, int]
    web: str  #: where the API answers
    say: Callable[[str], None]
    one: Merchant
    many: Merchant
    slow: Merchant
    other: Merchant
    memory: MemoryWatch
    speed: float  #: of this machine, beside the reference
    kept: dict[str, Flowed] = field(default_factory=dict)  #: what another scenario measured already
    unfair: list[str] = field(default_factory=list)  #: what we are compared with and is slower than it can be

    def campaign(self, merchant: Merchant, count: int, what: str, **manners: float) -> Flowed:
        """A campaign of one merchant to so many."""
        self.world.clear()
        self.world.sink.behave(**manners)
        self.start(merchant, count)
        return self.watch(count, what)

    def start(self, merchant: Merchant, count: int) -> None:
        """All deliveries of a campaign are written when this returns, and none has left."""
        self.say("writing a campaign")
        campaigns.fill(self.world, merchant, count)
        run = campaigns.launch(merchant, count)
        written = campaigns.wait_until_written(self.world.connection, run)
        assert written == count, f"{written} deliveries were written, {count} expected"
        campaigns.release(self.world.connection, run)

    def watch(self, count: int, what: str) -> Flowed:
        return watch(self.world, count, self.pids, lambda seen: self.say(f"{what}: {seen}"))


def free_port() -> int:
    return next(port for port in random.SystemRandom().sample(ports.RANGE, 200) if ports.is_free(port))


@contextmanager
def open_stage(world: World, size: Size, say: Callable[[str], None]) -> Iterator[Stage]:
    say("starting the service")
    one, many = world.merchant("bench-one", "bench_one"), world.merchant("bench-many", "bench_many")
    slow = world.merchant("bench-slow", "bench_one", concurrency=MANY_CALLS)
    other = world.merchant("bench-other", "bench_one")
    port = free_port()
    with processes.running(processes.service(port), BUILD) as pids:
        processes.wait_for_web(port)
        memory = MemoryWatch(pids)
        try:
            yield Stage(
                world,
                size,
                pids,
                f"http://{ports.LOOPBACK}:{port}",
                say,
                one,
                many,
                slow,
                other,
                memory,
                machine.speed(),
            )
        finally:
            memory.close()
