"""Who is there, what can happen to them, and what time is it?

Each method is one thing that may happen; a history is a list of them. All chance comes from the one `rng`.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from providers.messages import Capabilities
from techrar.core.ids import LEG_MASK
from techrar.ledger.flows import FlowState
from techrar.policy.priority import Priority
from tests.simulation import consumer as consumers
from tests.simulation import vendor
from tests.simulation.broker import Broker
from tests.simulation.consumer import Consumer
from tests.simulation.dispatcher import CHORES, Dispatcher
from tests.simulation.loop import Loop
from tests.simulation.order import Order
from tests.simulation.process import Process
from tests.simulation.server import SCHEMA, Server
from tests.simulation.web import Receipts, Web
from tests.support.ledger import TABLES

#: In a month of its own, so that the partitions of other tests are none of ours.
BEGINNING = datetime(2040, 1, 10, tzinfo=UTC)
TICK = 0.1
PRIORITIES = (Priority.CRITICAL, Priority.HIGH, Priority.LOW)
ENSURE_FLOW = """
INSERT INTO flow (merchant_id, mode, channel, birth_priority, priority) VALUES (1, 0, 'email', %(p)s, %(p)s)
ON CONFLICT (merchant_id, mode, channel, run_id, birth_priority) DO UPDATE SET state = 1, given_back = 0 RETURNING id
"""
#: What each mood of the vendor and of the broker makes of calls and publishes: weights of their fates.
CALLS = {
    "good": {"accepted": 1},
    "mixed": {"accepted": 6, "retry": 2, "throttled": 1, "rejected": 1, "sent, unclear": 1, "not sent, unclear": 1,
              "sent, late": 1, "sent, broken": 1},
    "bad": {"retry": 4, "throttled": 2, "accepted": 1, "rejected": 1},
    "unclear": {"sent, unclear": 2, "not sent, unclear": 2, "sent, late": 1, "sent, broken": 2, "accepted": 1},
}  # fmt: skip
RECEIPTS = (
    (),
    ("delivered",),
    ("sent", "delivered"),
    ("sent", "delivered"),
    ("bounced", "sent"),
    ("delivered", "opened"),
)
PUBLISHES = {
    "good": {"taken": 1},
    "mixed": {"taken": 6, "refused": 1, "taken in silence": 1, "taken twice": 1},
    "bad": {"taken": 1, "refused": 4, "taken in silence": 2},
}


class World:
    def __init__(self, server: Server, rng: random.Random) -> None:
        self.server = server
        self.rng = rng
        self._dice = random.getstate()
        random.seed(rng.random())  # what production throws itself: shards, jitter
        self.loop = Loop()
        self.failures: list[BaseException] = []
        self.trace: list[tuple[float, str, str]] = []
        self.order = Order()
        self.faults: Counter[str] = Counter()
        self.calls = self.publishes = "good"
        self.hurry = False
        self.poisonous = True  #: may messages be sent that kill whoever calls for them?
        self._ids = self._names = 0
        self.control = server.connect()
        flows = self._begin_empty()
        self.broker = Broker(self)
        self.office = vendor.Office(self, echoes=rng.random() < 0.7, idempotent=rng.random() < 0.3)
        self.capabilities = Capabilities(
            max_batch=rng.choice([1, 1, 3]),
            concurrency=rng.choice([1, 3, 8]),
            timeout=vendor.TIMEOUT,
            receipts=True,
            echoes_delivery_id=self.office.echoes,
            idempotent=self.office.idempotent,
        )
        self.has_ladder = rng.random() < 0.7
        self._unplug = consumers.plug_in()
        self.web = Web(self, flows)
        self.receipts = Receipts(self, "receipts")
        self.consumers = [self._consumer() for _ in range(rng.choice([1, 2]))]
        self.dispatchers = [self._dispatcher() for _ in range(rng.choice([1, 2]))]

    def _begin_empty(self) -> dict[Priority, int]:
        # Flows stay, so that they have the same ids in every history.
        emptied = "; ".join(f"DELETE FROM {SCHEMA}.{table}" for table in TABLES if table != "flow")
        self.control.execute(emptied, prepare=False)
        return {p: self.one(ENSURE_FLOW, {"p": int(p)}) for p in PRIORITIES}

    def close(self) -> None:
        """Everybody is gone, and the loop with them."""
        for process in [*self.processes, self.receipts, self.web]:
            process.kill("at the end of the world")
        for _ in range(3):
            self.loop.run_until_complete(asyncio.sleep(0))
        self.server.take_back(self.control, locks=False)
        self.loop.close()
        self._unplug()
        random.setstate(self._dice)

    # Time and chance

    @property
    def time(self) -> float:
        return self.loop.time()

    def now(self, after: float = 0.0) -> datetime:
        return BEGINNING + timedelta(seconds=self.time + after)

    def stamp(self) -> str:
        """The database's time. It ticks ten times a second, since telling it costs a round trip."""
        return self.now(-(self.time % TICK)).isoformat()

    def new_id(self) -> UUID:
        """Like UUIDv7: by time, and unique; an empty leg, so that a delivery can be named after it."""
        self._ids += 1
        milliseconds = int(self.now().timestamp() * 1000)
        return UUID(int=((milliseconds << 80) | (7 << 76) | (2 << 62) | (self._ids << 20)) & ~LEG_MASK)

    def latency(self) -> float:
        """Mostly nothing, sometimes a moment, seldom long. Never zero, so that others may come first."""
        dice = self.rng.random()
        if self.hurry or dice < 0.7:
            return 0.002 * dice + 1e-6
        return dice * (0.05 if dice < 0.97 else 2.0)

    def fate_of_a_call(self) -> str:
        return self._of(CALLS[self.calls])

    def fate_of_a_publish(self) -> str:
        return self._of(PUBLISHES[self.publishes])

    def receipts_of_a_message(self) -> list[str]:
        return list(self.rng.choice(RECEIPTS))

    def _of(self, weights: dict[str, int]) -> str:
        return self.rng.choices(list(weights), list(weights.values()))[0]

    # What a history remembers

    def note(self, who: str, what: str) -> None:
        self.trace.append((self.time, who, what))

    def one(self, statement: str, values: Any = None) -> Any:
        row = self.control.execute(statement, values).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None

    # What may happen

    @property
    def processes(self) -> list[Process]:
        return [*self.consumers, *self.dispatchers]

    def pass_time(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))
        if self.failures:
            raise self.failures[0]

    def dispatch(self, number: int) -> None:
        self.dispatchers[number % len(self.dispatchers)].round()

    def chore(self, number: int, name: str) -> None:
        self.dispatchers[number % len(self.dispatchers)].chore(name)

    def kill(self, number: int, points: int) -> None:
        """A process dies after so many more points; another one takes its place at once or later."""
        process = self.processes[number % len(self.processes)]
        self.faults["kill"] += 1
        process.doom = points
        if not points:
            process.kill("by itself")

    def kill_at(self, process: Process, point: str) -> None:
        """A process dies when it comes to a point of this name."""
        self.faults["kill"] += 1
        process.doomed_at = point

    def revive(self) -> None:
        """A supervisor starts anew what is gone."""
        self.consumers = [c if c.alive else self._consumer() for c in self.consumers]
        self.dispatchers = [d if d.alive else self._dispatcher() for d in self.dispatchers]
        if not self.receipts.alive:
            self.receipts = Receipts(self, "receipts")

    def stop(self, number: int) -> None:
        self.consumers[number % len(self.consumers)].stop()

    def cut(self, number: int, points: int, seconds: float) -> None:
        self.faults["cut"] += 1
        process = self.processes[number % len(self.processes)]
        process.cut, process.away = points, seconds

    def stall(self, number: int, seconds: float) -> None:
        self.faults["stall"] += 1
        process = self.processes[number % len(self.processes)]
        self.note(process.name, f"stands still for {seconds:g} s")
        process.stands_until = self.time + seconds

    def lose_broker_connection(self, number: int) -> None:
        self.consumers[number % len(self.consumers)].source.lose_connection()

    def wipe_broker(self) -> None:
        self.note("broker", "IS WIPED")
        self.broker.wipe()

    def an_old_envelope_comes_again(self) -> None:
        if self.broker.seen:
            self.broker.take(self.rng.choice(self.broker.seen))

    def change_moods(self, calls: str, publishes: str) -> None:
        self.calls, self.publishes = calls, publishes
        self.note("world", f"calls are {calls}, publishes are {publishes}")

    def _consumer(self) -> Consumer:
        self._names += 1
        name = f"consumer-{self._names}"
        return Consumer(self, name, self.capabilities, has_ladder=self.has_ladder)

    def _dispatcher(self) -> Dispatcher:
        self._names += 1
        return Dispatcher(self, f"dispatcher-{self._names}")

    # How it ends

    def settle(self) -> None:
        """No more faults; everybody does what is theirs until nothing is left to do."""
        self.change_moods("good", "good")
        self.hurry = True
        self._until(lambda: not self.web.tasks)  # requests overtake each other: the last pause must not come after this
        for priority in PRIORITIES:
            self.web.steer(priority, FlowState.ACTIVE)
        for process in self.processes:
            process.doom = process.cut = 0
            process.doomed_at = ""
            process.stands_until = process.no_database_until = 0.0
        for _ in range(100):
            self.revive()
            due = self._due()
            if not due:
                return
            self.pass_time(max(0.0, min(due.values()) - self.time) + TICK)
            self._work_together({what for what, at in due.items() if at <= self.time})
        raise AssertionError("it never settles: " + "; ".join(self._what_waits()))

    def _work_together(self, due: set[str]) -> None:
        """Whoever has something to do now does it, and consumers get a moment."""
        dispatcher = self.rng.choice(self.dispatchers)
        for chore in sorted(due & CHORES.keys()):
            dispatcher.chore(chore)
            self._until(lambda: not dispatcher.busy)
        if "dispatch" in due:
            # Whoever owns the lane; a relay looks again for the lanes of a dead one every two seconds.
            for each in self.dispatchers:
                each.round()
            self._until(lambda: not any(d.busy for d in self.dispatchers))
        if "receipts" in due:
            self.receipts.round()
            self._until(lambda: not self.receipts.busy)
        self.pass_time(self.rng.choice([0.5, 2.1]))

    def _until(self, done: Callable[[], bool]) -> None:
        """Whoever stands still since before the end may need its two minutes."""
        for step in range(1000):
            if done():
                return
            self.pass_time(0.01 if step < 50 else 0.5)
        raise AssertionError("somebody works for ever")

    def _due(self) -> dict[str, float]:
        """What has to be done, and when? Empty when nothing has, ever."""
        rows = self.control.execute(DUE).fetchall()
        return {what: (at - BEGINNING).total_seconds() for what, at in rows if at is not None}

    def _what_waits(self) -> list[str]:
        waiting = self.control.execute(f"SELECT id, state FROM {SCHEMA}.delivery WHERE state < 5").fetchall()
        held = [(t, self.one(f"SELECT count(*) FROM {SCHEMA}.{t}")) for t in ("envelope", "claim", "begun")]
        return [f"{i} in state {state}" for i, state in waiting] + [f"{n} rows in {t}" for t, n in held if n]


DUE = f"""
SELECT 'wake', min(wake_at) FROM {SCHEMA}.delivery WHERE wake_at IS NOT NULL
UNION ALL SELECT 'dispatch', min(due_at) FROM {SCHEMA}.delivery WHERE state = 2
UNION ALL SELECT 'envelopes', min(check_at) FROM {SCHEMA}.envelope
UNION ALL SELECT 'leases', min(lease_until) + interval '10 seconds' FROM {SCHEMA}.claim
UNION ALL SELECT 'receipts', min(try_at) FROM {SCHEMA}.receipt WHERE tries < 3
"""
