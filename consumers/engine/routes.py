"""What must calling know about the ways a message can go?

Nothing here waits: every answer is from what this process knows already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from consumers.engine.work import Account
from providers.base import Outcome, OutcomeKind
from providers.messages import Reason
from techrar.routing.health import tally

#: A vendor that wants to be left alone for longer is not waited for, if another can take over.
LONG_REST = 5.0


class Routes(Protocol):
    def again(self, row: Any, account: Account) -> Account | None:
        """Where a row goes that waits for this account: perhaps the same one, or None when none can be used."""

    def elsewhere(self, row: Any, account: Account) -> bool:
        """Is another account well that could take this row?"""

    def changed(self) -> None:
        """Some account is better or worse than it was."""

    def misconfigured(self, account: Account, outcome: Outcome) -> None:
        """The vendor refuses the account itself: nothing more goes through it until somebody has mended it."""

    async def refresh(self, rows: Sequence[Any]) -> None:
        """Look at the accounts of these rows' merchants again."""


def learn(routes: Routes, account: Account, outcomes: Sequence[Outcome], *, seconds: float, now: float) -> bool:
    """What a call says about the account. True when what waits for it should look for another way."""
    moved = False
    if broken := next((o for o in outcomes if o.kind is OutcomeKind.MISCONFIGURED), None):
        routes.misconfigured(account, broken)
        moved = True
    if not account.provider.capabilities.own_server:
        good, bad = tally(outcomes)
        moved |= account.breaker.record(good, bad, seconds, now)
        moved |= _rest(account, outcomes, now)
    if moved:
        routes.changed()
    return moved


def blocked(account: Account, now: float) -> float:
    """Seconds until the account may be called; 0 for now."""
    breaker, budget = account.breaker, account.budget
    if breaker.closed_to_all(now) and breaker.tripped:
        return breaker.tripped.until - now
    return 0.0 if budget.room(now) != 0 else budget.wait(now)


def _rest(account: Account, outcomes: Sequence[Outcome], now: float) -> bool:
    wishes = [
        o.retry_after
        for o in outcomes
        if o.kind is OutcomeKind.THROTTLED and o.retry_after and o.reason != Reason.RECIPIENT_RATE
    ]
    if not wishes:
        return False
    account.budget.throttled(max(wishes), now)
    return max(wishes) > LONG_REST and account.breaker.rest(max(wishes), now)
