"""How does a simulated process talk to the real database?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from psycopg.errors import LockNotAvailable

from tests.simulation.loop import Actor
from tests.simulation.process import LOCK, Points, Process, connection_lost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: A statement that has met a lock so often would wait for ever.
PATIENCE = 1000
#: What a statement is called in a trace, by something that only it says.
NAMES = (
    ("unnest(%(id)s::uuid[], %(state)s", "move"),
    ("INSERT INTO begun", "begin"),
    ("INSERT INTO claim", "claim"),
    ("INSERT INTO delivery (", "accept"),
    ("INSERT INTO envelope", "reserve"),
    ("DELETE FROM envelope", "give back"),
    ("UPDATE claim SET lease_until", "renew"),
    ("pg_try_advisory_lock", "lead"),
    ("WITH RECURSIVE f(flow_id)", "due flows"),
    ("relay_at IS NOT NULL AND id >", "pick"),
    ("wake_at = NULL, relay_at = now()", "wake"),
)


def name_of(statement: str) -> str:
    return next((name for part, name in NAMES if part in statement), " ".join(statement.split()[:6]))


class Session:
    """One process's session. Its statements are generators of the points at which the process waits for the answer."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.server = process.world.server
        self.physical = self.server.connect()
        self.closed = False
        self.leads = False
        self.depth = 0
        self._done: list[tuple[str, Any, Any]] = []  #: statements of the open transaction
        process.sessions.add(self)

    def abandon(self) -> None:
        """The server sees its client go."""
        if not self.closed:
            self.closed = True
            self._over()
            self.process.sessions.discard(self)
            self.server.take_back(self.physical, locks=self.leads)

    def statement(self, text: Any, values: Any, **options: Any) -> Points[Any]:
        name = name_of(text) if isinstance(text, str) else str(text)
        yield f"asks: {name}"
        self._check()
        for _ in range(PATIENCE):
            holders = self.server.ended
            cursor = self._attempt(text, values, options)
            if cursor is not None:
                break
            while holders == self.server.ended:
                yield f"{LOCK}: {name}"
                self._check()
        else:
            raise AssertionError(f"{self.process.name} waits for ever for a lock: {name}")
        self.leads = self.leads or name == "lead"
        self._done.append((name, values, cursor))
        if not self.depth:
            self._committed()
            yield f"was answered: {name}"
            self._check()
        return cursor

    def commit(self) -> Points[None]:
        yield "asks: commit"
        self._check()
        self.physical.execute("COMMIT")
        self._committed()
        self._over()
        yield "was answered: commit"
        self._check()

    def begin(self) -> None:
        if self.closed:
            raise connection_lost()
        self._tell_time()
        self.physical.execute("BEGIN")
        self.depth = 1
        self.server.in_transaction.add(self)

    def roll_back(self) -> None:
        if not self.closed:
            self.physical.execute("ROLLBACK")
            self._over()

    def _committed(self) -> None:
        for name, values, cursor in self._done:
            self.process.world.order.committed(name, values, cursor)
        self._done.clear()

    def _over(self) -> None:
        self._done.clear()
        self.depth = 0
        self.server.ended += 1
        self.server.in_transaction.discard(self)

    def _check(self) -> None:
        self.process.lose_database()
        if self.closed:
            raise connection_lost()

    def _tell_time(self) -> None:
        self.server.tell_time(self.physical, self.process.world.stamp())

    def _attempt(self, text: Any, values: Any, options: dict[str, Any]) -> Any:
        """None where it would have to wait for a lock: undone, to be sent again."""
        cursor = self.physical.cursor(**options)
        others = self.server.in_transaction - {self}
        if not self.depth:
            self._tell_time()
        elif others:
            self.physical.execute("SAVEPOINT before")
        try:
            return cursor.execute(text, values)
        except LockNotAvailable:
            assert others, "a lock that nobody holds"
            if self.depth:
                self.physical.execute("ROLLBACK TO before")
            return None


class Blocking:
    """A session as a dispatcher's thread sees it: the part of `psycopg.Connection` that production uses."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self.session = session
        self.actor = actor

    def execute(self, text: Any, values: Any = None, **options: Any) -> Any:
        return self.session.process.through_in(self.actor, self.session.statement(text, values, **options))

    @contextmanager
    def cursor(self, **options: Any) -> Iterator[_Cursor]:
        yield _Cursor(self, options)

    def pipeline(self) -> Any:
        return nullcontext()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self.session.depth:
            yield
            return
        self.session.begin()
        try:
            yield
        except BaseException:
            self.session.roll_back()
            raise
        self.session.process.through_in(self.actor, self.session.commit())


class _Cursor:
    def __init__(self, connection: Blocking, options: dict[str, Any]) -> None:
        self.connection = connection
        self.options = options

    def execute(self, text: Any, values: Any = None) -> Any:
        return self.connection.execute(text, values, **self.options)


class Awaiting:
    """A session as a consumer sees it: the part of `psycopg.AsyncConnection` that production uses."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def closed(self) -> bool:
        return self.session.closed

    @property
    def adapters(self) -> Any:
        return self.session.physical.adapters

    def cursor(self, **options: Any) -> AwaitingCursor:
        return AwaitingCursor(self.session, options)

    async def execute(self, text: Any, values: Any = None) -> AwaitingCursor:
        return await self.cursor().execute(text, values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self.session.begin()
        try:
            yield
        except BaseException:
            self.session.roll_back()
            raise
        await self.session.process.through(self.session.commit())

    async def close(self) -> None:
        self.session.abandon()


class AwaitingCursor:
    def __init__(self, session: Session, options: dict[str, Any]) -> None:
        self.session = session
        self.options = options
        self._found: Any = None

    async def execute(self, text: Any, values: Any = None) -> AwaitingCursor:
        self._found = await self.session.process.through(self.session.statement(text, values, **self.options))
        return self

    async def fetchall(self) -> Any:
        return self._found.fetchall()

    async def fetchone(self) -> Any:
        return self._found.fetchone()
