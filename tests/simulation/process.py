"""What is a process here? Something that waits at points, may be slow there, lose its database there, or die there."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from tests.simulation.loop import OWNER, Actor, Killed

if TYPE_CHECKING:
    from tests.simulation.sessions import Session
    from tests.simulation.world import World

T = TypeVar("T")
#: What a piece of work does between its points; what it yields says where it is.
Points = Generator[str, None, T]
LOCK, LOCK_WAIT = "waits for a lock", 0.05


class Process:
    """Everything that it does outside of itself goes through `at`."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.alive = True
        self.doom = 0  #: dies at so many points from now
        self.doomed_at = ""  #: or at the next point of this name
        self.cut = 0  #: loses its database at so many points from now
        self.away = 0.0  #: for how long then
        self.no_database_until = 0.0
        self.stands_until = 0.0  #: nothing gets an answer before
        self.tasks: set[asyncio.Task[Any]] = set()
        self.sessions: set[Session] = set()

    def at(self, point: str) -> float:
        """Arrive at a point; how long to wait there. Raises `Killed` when this is the end."""
        if not self.alive:
            raise Killed
        self.world.note(self.name, point)
        self.doom -= 1
        if self.doom == 0 or (self.doomed_at and point.startswith(self.doomed_at)):
            self.kill(point)
            raise Killed
        least = LOCK_WAIT if point.startswith(LOCK) else 0.0
        return max(self.world.latency(), least, self.stands_until - self.world.time)

    def kill(self, where: str = "") -> None:
        """As by SIGKILL: what was sent has happened, nothing else will."""
        if not self.alive:
            return
        self.world.note(self.name, "DIES " + where)
        self.alive = False
        self.gone()
        for session in list(self.sessions):
            session.abandon()
        for task in list(self.tasks):
            task.cancel()

    def gone(self) -> None:
        """What others notice when it is gone."""

    def lose_database(self) -> None:
        """The cable is cut: what waits for an answer gets an error instead, and so does who connects."""
        if self.cut:
            self.cut -= 1
            if not self.cut:
                self.world.note(self.name, "LOSES ITS DATABASE")
                self.no_database_until = self.world.time + self.away
                for session in list(self.sessions):
                    session.abandon()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task of this process; the tasks that it makes are this process's, too."""
        context = contextvars.copy_context()
        context.run(OWNER.set, self)
        task = self.world.loop.create_task(work, context=context)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (failure := task.exception()) and not isinstance(failure, Killed):
            self.world.failures.append(failure)

    async def wait(self, point: str) -> None:
        try:
            seconds = self.at(point)
        except Killed:
            await self.world.loop.create_future()  # its tasks are cancelled: this is where it ends
        await asyncio.sleep(seconds)

    async def through(self, work: Points[T]) -> T:
        """Do the work, waiting on the loop at each of its points."""
        while True:
            try:
                point = next(work)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            await self.wait(point)

    def through_in(self, actor: Actor, work: Points[T]) -> T:
        """Do the work in a thread, giving back the turn at each of its points."""
        while True:
            try:
                point = next(work)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            actor.pause(self.at(point))


def connection_lost() -> psycopg.OperationalError:
    return psycopg.OperationalError("the connection is lost")
