"""What must the ledger learn from an outcome, or from there being none?"""

from __future__ import annotations

import random
from collections.abc import Callable

import orjson

from consumers.engine.work import Account, Called, Held
from providers.base import Outcome, OutcomeKind
from techrar.core.storable import storable
from techrar.ledger.moves import Move
from techrar.ledger.states import State
from techrar.policy import retry
from techrar.policy.categories import category

#: Ids are indexed, and an index entry has a limit.
LONGEST_VENDOR_ID = 500
NUL = b"\\u0000"

#: How an outcome is called in a delivery's timeline.
EVENTS = {
    OutcomeKind.ACCEPTED: "sent",
    OutcomeKind.RETRY: "attempt_failed",
    OutcomeKind.THROTTLED: "throttled",
    OutcomeKind.REJECTED: "failed",
    OutcomeKind.MISCONFIGURED: "attempt_failed",
    OutcomeKind.AMBIGUOUS: "unclear",
}


def move(called: Called, *, elsewhere: bool = False, rng: Callable[[], float] = random.random) -> Move:
    """What the ledger must learn from an outcome. `elsewhere`: another account can take the message."""
    row, outcome, account = called.ready.held.row, called.outcome, called.ready.account
    step = retry.after(
        outcome.kind,
        attempt=row.attempt,
        priority=row.priority,
        resend_unclear=category(row.category).resend_unclear,
        # A vendor drops what it has seen already; another one has not seen it.
        idempotent=account.provider.capabilities.idempotent and account.alone,
        retry_after=outcome.retry_after,
        expires_in=row.expires_in,
        rng=rng,
        elsewhere=elsewhere,
    )
    return Move(
        row.id,
        step.state,
        kind=EVENTS[outcome.kind] if step.state is not State.DEAD else "dead",
        delay=step.delay,
        reason=outcome.reason,
        account_id=account.id,
        attempt=step.attempt,
        possible_duplicate=True if step.possible_duplicate else None,
        cost_micros=outcome.cost_micros,
        currency=outcome.currency,
        vendor_id=storable(outcome.vendor_id)[:LONGEST_VENDOR_ID] if outcome.vendor_id else "",
        vendor_index=not account.provider.capabilities.echoes_delivery_id,
        detail=_detail(outcome, account),
    )


def nowhere(held: Held, *, rng: Callable[[], float] = random.random) -> Move:
    """Every account is paused: somebody may resume one before the retries are used up."""
    row = held.row
    step = _after(held, OutcomeKind.RETRY, None, rng)
    return Move(
        row.id, step.state, kind=_kind(step), delay=step.delay, reason="no_usable_account", attempt=step.attempt
    )


def parked(held: Held, seconds: float, *, rng: Callable[[], float] = random.random) -> Move:
    """Its account rests for longer than a row may be held. That uses no attempt."""
    row = held.row
    step = _after(held, OutcomeKind.THROTTLED, seconds, rng)
    return Move(row.id, step.state, kind=_kind(step), delay=step.delay, reason="account_rests", attempt=step.attempt)


def late(held: Held) -> Move:
    """Its time ran out while it waited for a slot."""
    return Move(held.row.id, State.EXPIRED, kind=State.EXPIRED.word, reason="expired")


def _after(held: Held, kind: OutcomeKind, seconds: float | None, rng: Callable[[], float]) -> retry.Next:
    """Nothing was called, so nothing can be unclear."""
    row = held.row
    return retry.after(
        kind,
        attempt=row.attempt,
        priority=row.priority,
        resend_unclear=False,
        idempotent=False,
        retry_after=seconds,
        expires_in=row.expires_in,
        rng=rng,
    )


def _kind(step: retry.Next) -> str:
    return "waiting" if step.state is State.SCHEDULED else step.state.word


def _detail(outcome: Outcome, account: Account) -> str:
    said = {"provider": account.key, "latency_ms": outcome.latency_ms, **outcome.detail}
    try:
        text = orjson.dumps(said, default=str)
    except orjson.JSONEncodeError:  # half of a pair of characters
        text = orjson.dumps(storable(said), default=str)
    if NUL in text:
        text = orjson.dumps(storable(said), default=str)
    return text.decode()
