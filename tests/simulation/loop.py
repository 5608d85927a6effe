"""How does time pass? At once, to the next moment at which something happens."""

from __future__ import annotations

import asyncio
import contextvars
import selectors
import threading
from collections.abc import Callable
from typing import Any

#: The simulated process that a task belongs to; tasks inherit it from the one that made them.
OWNER: contextvars.ContextVar[Any] = contextvars.ContextVar("owner", default=None)


class Stuck(AssertionError):
    """Everybody waits and nothing will ever happen."""


class _Skipping(selectors.SelectSelector):
    """Instead of waiting for the outside, jump to when the next timer is due."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck("everybody waits for somebody else")
        self.now += max(timeout, 0.0)
        return []


class Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)
        self.set_task_factory(_owned)

    def time(self) -> float:
        return self._skipping.now


def _owned(loop: asyncio.AbstractEventLoop, work: Any, context: Any = None, **options: Any) -> asyncio.Task[Any]:
    task = asyncio.Task(work, loop=loop, context=context, **options)
    owner = context.get(OWNER) if context is not None else OWNER.get()
    if owner is not None:
        owner.tasks.add(task)
        task.add_done_callback(owner.tasks.discard)
    return task


class Killed(BaseException):
    """Raised in the thread of a process that is gone. Not an `Exception`: production must not be able to catch it."""


class Actor:
    """Blocking code, in a thread that runs only while it is given the turn and gives it back wherever it waits."""

    def __init__(self, work: Callable[[Actor], None]) -> None:
        self.work = work
        self.wait = 0.0
        self.killed = self.done = False
        self.failure: BaseException | None = None
        self._go, self._back = threading.Lock(), threading.Lock()  # taken here, released by the other side
        self._go.acquire()
        self._back.acquire()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def pause(self, seconds: float) -> None:
        """Called by the work."""
        self.wait = seconds
        self._back.release()
        self._go.acquire()
        if self.killed:
            raise Killed

    async def drive(self) -> None:
        """The loop's side: turns, until the work is done or its process is gone."""
        self._thread.start()
        try:
            while not self._turn():  # noqa: ASYNC110 it says itself for how long
                await asyncio.sleep(self.wait)
        finally:
            if not self.done:
                self.killed = True
                self._turn()
        if self.failure:
            raise self.failure

    def _turn(self) -> bool:
        self._go.release()
        self._back.acquire()
        if self.done:
            self._thread.join()
        return self.done

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self.killed:
                self.work(self)
        except Killed:
            pass
        except BaseException as failure:  # noqa: BLE001 raised again on the loop's side
            self.failure = failure
        finally:
            self.done = True
            self._back.release()
