"""What do merchants and vendors do to us? Send, schedule, cancel; tell what became of a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from techrar.core.ids import delivery_id
from techrar.core.mode import Mode
from techrar.ledger.flows import FlowState
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.states import State
from techrar.ledger.tallies import any_shard
from techrar.notifications.sql import ACCEPT
from techrar.policy.priority import Priority
from techrar.receipts import sql
from techrar.receipts.apply import apply
from tests.simulation.process import Process
from tests.simulation.sessions import Awaiting, Session
from tests.support.ledger import acceptance

MERCHANT = 1
STEER = "UPDATE flow SET state = %(state)s WHERE id = %(flow)s RETURNING id"
REQUEST = {"to": {"email": "ann@example.com"}, "data": {"name": "Ann"}, "metadata": {}, "sender": {}}
REQUEST["content"] = {"email": {"subject": "Hello {{ name }}", "text": "Hi"}}


class Web(Process):
    """The processes that answer requests: each request is a task with a session of its own."""

    def __init__(self, world: Any, flows: dict[Priority, int]) -> None:
        super().__init__(world, "web")
        self.flows = flows
        self.accepted: set[UUID] = set()  #: answered with 202
        self.cancelled: dict[UUID, float] = {}  #: answered with "stopped", and when
        self.expire: set[UUID] = set()

    def send(
        self,
        count: int,
        *,
        priority: Priority,
        category: str,
        due: float | None = None,
        expires: float | None = None,
        address: str = "",
    ) -> list[UUID]:
        made = [self.world.new_id() for _ in range(count)]
        ids = [delivery_id(i, 1) for i in made]
        if expires is not None:
            self.expire.update(ids)
        values = acceptance(
            made,
            merchant=MERCHANT,
            mode=Mode.TEST,
            channel="email",
            priority=priority,
            category=category,
            # Each to somebody else: an address that a vendor refuses is not written to again.
            addresses=[address or f"{i.hex}@example.com" for i in made],
            flow=self.flows[priority],
            request=REQUEST,
            due=None if due is None else self.world.now(due),
            expires=None if expires is None else self.world.now(expires),
            shard=any_shard(),
        )
        self.spawn(self._send(values, ids))
        return ids

    async def _send(self, values: dict[str, Any], ids: Sequence[UUID]) -> None:
        await self._ask(ACCEPT, values)
        self.accepted.update(ids)

    def cancel(self, ids: Sequence[UUID]) -> None:
        self.spawn(self._cancel(ids))

    async def _cancel(self, ids: Sequence[UUID]) -> None:
        moves = [Move(i, State.CANCELLED, kind="cancelled", reason="by_merchant") for i in ids]
        for row in await self._ask(APPLY, parameters(moves, shard=any_shard())):
            if row[1] == State.CANCELLED and row[2]:
                self.cancelled[row[0]] = self.world.time

    def steer(self, priority: Priority, state: FlowState) -> None:
        """Pause a flow, or let it run again."""
        self.world.note(self.name, f"the {priority.word} flow is {state.name.lower()}")
        self.spawn(self._ask(STEER, {"state": state, "flow": self.flows[priority]}))

    def receive(self, receipt: dict[str, Any]) -> None:
        """A vendor's word comes to the door: stored now, applied whenever."""
        self.spawn(self._ask(sql.STORE + " RETURNING id", receipt))

    async def _ask(self, statement: str, values: dict[str, Any]) -> Any:
        connection = Awaiting(Session(self))
        try:
            return await (await connection.execute(statement, values)).fetchall()
        finally:
            await connection.close()


class Receipts(Process):
    """The consumer of receipts: one round whenever it is asked to."""

    def __init__(self, world: Any, name: str) -> None:
        super().__init__(world, name)
        self.busy = False

    def round(self) -> None:
        if not self.busy and self.alive:
            self.busy = True
            self.spawn(self._round())

    async def _round(self) -> None:
        connection = Awaiting(Session(self))
        try:
            await apply(connection, shard=any_shard())  # type: ignore[arg-type]
        finally:
            self.busy = False
            await connection.close()
