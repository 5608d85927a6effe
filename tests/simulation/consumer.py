"""A consumer process: production's `Worker` with its real stages, between a simulated source, vendor and cable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import Any
from unittest.mock import patch

from consumers.engine import database as engine_database
from consumers.engine import worker as engine_worker
from consumers.engine.database import Database
from consumers.engine.worker import Options, Worker
from providers.messages import Capabilities
from techrar.templating.render import Compiled, compile_content
from tests.simulation.broker import Source
from tests.simulation.process import Process, connection_lost
from tests.simulation.sessions import Awaiting, Session
from tests.simulation.vendor import Vendor
from tests.simulation.web import REQUEST
from tests.support.engine import Counter

#: Hours are simulated: a look each second would be most of the work.
WATCH_SECONDS = 20.0
_processes: dict[str, Consumer] = {}


class Cable:
    """In place of `AsyncConnection` in the engine; the address names the process."""

    @staticmethod
    async def connect(address: str, **options: Any) -> Awaiting:
        process = _processes[address]
        await process.wait("connects")
        if process.world.time < process.no_database_until:
            raise connection_lost()
        return Awaiting(Session(process))


def plug_in() -> Callable[[], None]:
    """From now on the engine's databases are reached by our cable, until what this returns is called."""
    stack = ExitStack()
    stack.enter_context(patch.object(engine_database, "AsyncConnection", Cable))
    stack.enter_context(patch.object(engine_worker, "WATCH_SECONDS", WATCH_SECONDS))
    return stack.close


@cache
def content() -> Compiled:
    return compile_content("email", REQUEST["content"]["email"])  # type: ignore[index]


class Desk(Counter):
    """Every row has the same content and goes to the one vendor."""

    async def compiled(self, request: Any, channel: str) -> Compiled:
        return content()


class Consumer(Process):
    def __init__(self, world: Any, name: str, capabilities: Capabilities, *, has_ladder: bool) -> None:
        super().__init__(world, name)
        _processes[name] = self
        self.source = Source(self, has_ladder=has_ladder)
        self.stopping = asyncio.Event()
        self.spawn(self._work(capabilities))

    async def _work(self, capabilities: Capabilities) -> None:
        options = Options(dsn=self.name, process=self.name, shard=self.world.rng.randrange(16), most_held=8, grace=30.0)
        desk = Desk(Database(self.name, name="lookup"), Vendor(self, capabilities))  # type: ignore[arg-type]
        worker = Worker(self.source, desk, options, new_id=self.world.new_id)
        await worker.run(self.stopping)
        await desk.database.close()
        self.kill("in peace")

    def stop(self) -> None:
        """As by SIGTERM."""
        self.world.note(self.name, "is told to stop")
        self.stopping.set()

    def gone(self) -> None:
        self.source.lose_connection()
