"""What do merchants and vendors do to us? Send, schedule, cancel; tell what became of a message."""

from __future__ import annotations

import json
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
        # Each to somebody else: an address that a vendor refuses is not written to again.
        addresses = [address or f"{i.hex}@example.com" for i in made]
        values = self._values(made, ids, priority, category, due, expires) | {"d_address": addresses}
        self.spawn(self._send(values, ids))
        return ids

    def _values(
        self, made: Sequence[UUID], ids: Sequence[UUID], priority: Priority, category: str, due: Any, expires: Any
    ) -> dict[str, Any]:
        size = len(made)
        wake = None if due is None else self.world.now(due)
        return {
            "merchant": MERCHANT,
            "mode": Mode.TEST.code,
            "shard": any_shard(),
            "answer": b"{}",
            **dict.fromkeys(("endpoint", "key", "fingerprint")),
            "n_id": list(made),
            "n_template": [None] * size,
            "n_resend_of": [None] * size,
            "n_scheduled_at": [wake] * size,
            "n_priority": [int(priority)] * size,
            "n_category": [category] * size,
            "n_locale": [""] * size,
            "n_recipient": [""] * size,
            "n_request": [json.dumps(REQUEST)] * size,
            "d_id": list(ids),
            "d_replays": [None] * size,
            "d_wake_at": [wake] * size,
            "d_expires_at": [None if expires is None else self.world.now(expires)] * size,
            "d_flow": [self.flows[priority]] * size,
            "d_priority": [int(priority)] * size,
            "d_channel": ["email"] * size,
            "d_category": [category] * size,
        }

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
