"""What follows from the outcome of a call?

Retry is a value: the outcome, the attempt and the priority go in, the next state and its delay come out. Being
throttled waits without using an attempt. The delays are data, by priority.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from providers.base import OutcomeKind
from techrar.ledger.states import State
from techrar.policy.priority import Priority

MINUTE, HOUR = 60.0, 3600.0
DELAYS: dict[Priority, tuple[float, ...]] = {
    Priority.CRITICAL: (1, 5, 15),
    Priority.HIGH: (1 * MINUTE, 5 * MINUTE, 15 * MINUTE),
    Priority.MEDIUM: (5 * MINUTE, 30 * MINUTE),
    Priority.LOW: (1 * HOUR, 4 * HOUR),
}
THROTTLED_WAIT = {Priority.CRITICAL: 1.0, Priority.HIGH: 5.0, Priority.MEDIUM: 15.0, Priority.LOW: 15.0}
JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Next:
    state: State
    attempt: int  #: attempts used, after this one
    delay: float = 0.0
    possible_duplicate: bool = False


def after(
    kind: OutcomeKind,
    *,
    attempt: int,
    priority: int,
    resend_unclear: bool,
    idempotent: bool,
    retry_after: float | None,
    expires_in: float | None,
    rng: Callable[[], float],
    elsewhere: bool = False,
) -> Next:
    """`attempt` counts the attempts used before this one; `elsewhere`: another account is well and can take it.

    The first failure goes there at once; if that fails, too, it is not the account, and the delays hold.
    """
    if kind is OutcomeKind.ACCEPTED:
        return Next(State.SENT, attempt + 1)
    if kind is OutcomeKind.REJECTED:
        return Next(State.FAILED, attempt + 1)
    level = Priority(priority)
    if kind is OutcomeKind.THROTTLED:
        return _wait(attempt, THROTTLED_WAIT[level], retry_after, expires_in, rng)
    if kind is OutcomeKind.AMBIGUOUS and not (resend_unclear or idempotent):
        return Next(State.UNKNOWN, attempt + 1)
    if elsewhere and kind is OutcomeKind.MISCONFIGURED:
        return Next(State.ACCEPTED, attempt)
    if elsewhere and kind is OutcomeKind.RETRY and not attempt:
        return Next(State.ACCEPTED, attempt + 1)
    delays = DELAYS[level]
    if attempt >= len(delays):
        return Next(State.UNKNOWN if kind is OutcomeKind.AMBIGUOUS else State.DEAD, attempt + 1)
    step = _wait(attempt + 1, delays[attempt], retry_after, expires_in, rng)
    if kind is not OutcomeKind.AMBIGUOUS:
        return step
    if step.state is State.EXPIRED:
        # Too late to try again, but it may have arrived: a receipt can still say so.
        return Next(State.UNKNOWN, step.attempt)
    return replace(step, possible_duplicate=not idempotent)


def _wait(
    attempt: int, delay: float, at_least: float | None, expires_in: float | None, rng: Callable[[], float]
) -> Next:
    """Later, unless later is too late. Neighbours are spread out, so that they do not come back as one."""
    spread = JITTER * rng()
    delay = max(delay * (1 - JITTER + 2 * spread), (at_least or 0.0) * (1 + spread))
    if expires_in is not None and delay >= expires_in:
        return Next(State.EXPIRED, attempt)
    return Next(State.SCHEDULED, attempt, delay)
