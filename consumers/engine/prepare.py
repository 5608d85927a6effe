"""From claimed rows to messages that are ready to go.

Asks policy, finds the content, renders it, chooses an account. What will not be sent leaves here as a move, with the
reason a merchant will read; nothing here waits for a vendor.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from consumers.engine.outcomes import nowhere
from consumers.engine.routes import Routes
from consumers.engine.work import Account, Held, Ready
from providers.base import Message
from techrar.core.ids import notification_id
from techrar.ledger.moves import Move
from techrar.ledger.states import State
from techrar.policy.decide import Facts, Send, Skip, decide
from techrar.templating.problems import RenderProblem, TemplateProblem
from techrar.templating.render import Compiled, variables
from techrar.tracking.dress import Dressed

log = logging.getLogger(__name__)

#: Rows prepared before the loop may do something else.
SLICE = 50


class NoAccount(Exception):
    """The merchant has nothing to send this with."""


class Desk(Protocol):
    """What preparing needs to look up. Each answer is cached by whoever gives it."""

    @property
    def routes(self) -> Routes: ...

    async def requests(self, rows: Sequence[Any]) -> Mapping[Any, Any]: ...

    async def compiled(self, request: Any, channel: str) -> Compiled: ...

    async def account(self, row: Any) -> Account | None:
        """None while all that could be used are paused. Raises `NoAccount` when there is none to wait for."""

    def dress(self, row: Any, request: Any, content: Mapping[str, Any]) -> Dressed: ...


class Preparation:
    def __init__(
        self,
        desk: Desk,
        *,
        settle: Callable[[Held, Move], None],
        hand_on: Callable[[list[Ready]], None],
    ) -> None:
        self.desk = desk
        self.settle = settle
        self.hand_on = hand_on

    async def take(self, held: Sequence[Held]) -> None:
        requests = await self.desk.requests([h.row for h in held])
        for start in range(0, len(held), SLICE):
            ready = [r for h in held[start : start + SLICE] if (r := await self._guarded(h, requests))]
            self.hand_on(ready)
            await asyncio.sleep(0)

    async def _guarded(self, held: Held, requests: Mapping[Any, Any]) -> Ready | None:
        try:
            return await self._one(held, requests)
        except Exception:
            # A bug that one row wakes is the end of that row, not of its neighbours; it lies among the dead letters.
            log.exception("bug while preparing %s", held.row.id)
            self._stop(held, State.DEAD, "internal_error")
            return None

    async def _one(self, held: Held, requests: Mapping[Any, Any]) -> Ready | None:
        row = held.row
        verdict = decide(Facts(row.flow_state, row.expires_in, row.lost_leases, row.suppressed))
        if isinstance(verdict, Skip):
            self._stop(held, verdict.state, verdict.reason)
            return None
        if not isinstance(verdict, Send):
            self.settle(held, Move(row.id, State.ACCEPTED))
            return None
        request = requests.get(notification_id(row.id))
        if request is None:
            self._stop(held, State.FAILED, "recipient_gone" if row.run_id else "request_missing")
            return None
        try:
            compiled = await self.desk.compiled(request, row.channel)
            content = compiled.render(variables(request.request["data"], request.request["to"]))
        except (RenderProblem, TemplateProblem) as problem:
            self._stop(held, State.FAILED, problem.code, str(problem))
            return None
        try:
            account = await self.desk.account(row)
        except NoAccount:
            self._stop(held, State.FAILED, "no_provider_account")
            return None
        if account is None:
            self.settle(held, nowhere(held))
            return None
        dressed = self.desk.dress(row, request, content)
        return Ready(held, message(row, request.request, dressed, account), account)

    def _stop(self, held: Held, state: State, reason: str, message: str = "") -> None:
        detail = None if not message else _json({"message": message})
        self.settle(held, Move(held.row.id, state, kind=state.word, reason=reason, detail=detail))


def message(row: Any, request: Mapping[str, Any], dressed: Dressed, account: Account) -> Message:
    return Message(
        delivery_id=row.id,
        channel=row.channel,
        address=row.address,
        content=dressed.content,
        sender=request.get("sender", {}).get(row.channel, {}),
        metadata=request.get("metadata", {}),
        category=row.category,
        attempt=row.attempt + 1,
        receipt_url=account.receipt_url,
        unsubscribe_url=dressed.unsubscribe_url,
    )


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()
