"""What follows from each outcome, attempt after attempt?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import OutcomeKind
from techrar.ledger.states import LEGAL, State
from techrar.policy.priority import Priority
from techrar.policy.retry import DELAYS, JITTER, THROTTLED_WAIT, Next, after

K = OutcomeKind
FAILED_BUT_MAY_WORK = (K.RETRY, K.MISCONFIGURED)


def next_of(kind: OutcomeKind, **given: Any) -> Next:
    facts: dict[str, Any] = {
        "attempt": 0,
        "priority": Priority.HIGH,
        "resend_unclear": True,
        "idempotent": False,
        "retry_after": None,
        "expires_in": None,
        "rng": lambda: 0.5,  # no jitter
    }
    return after(kind, **{**facts, **given})


def test_what_was_accepted_is_sent_and_what_was_rejected_has_failed() -> None:
    assert next_of(K.ACCEPTED, attempt=2) == Next(State.SENT, 3)
    assert next_of(K.REJECTED, attempt=2) == Next(State.FAILED, 3)


@pytest.mark.parametrize("priority", Priority)
@pytest.mark.parametrize("kind", FAILED_BUT_MAY_WORK)
def test_each_attempt_waits_its_own_time_and_the_last_one_gives_up(kind: OutcomeKind, priority: Priority) -> None:
    steps = [next_of(kind, attempt=n, priority=priority) for n in range(len(DELAYS[priority]) + 1)]
    assert [(s.state, s.attempt, s.delay) for s in steps[:-1]] == [
        (State.SCHEDULED, n + 1, delay) for n, delay in enumerate(DELAYS[priority])
    ]
    assert steps[-1] == Next(State.DEAD, len(DELAYS[priority]) + 1)


def test_the_delays_are_those_of_the_design() -> None:
    assert DELAYS == {
        Priority.CRITICAL: (1, 5, 15),
        Priority.HIGH: (60, 300, 900),
        Priority.MEDIUM: (300, 1800),
        Priority.LOW: (3600, 14400),
    }


@pytest.mark.parametrize("priority", Priority)
def test_being_throttled_uses_no_attempt_however_often(priority: Priority) -> None:
    for attempt in (0, 3, 30):
        step = next_of(K.THROTTLED, attempt=attempt, priority=priority)
        assert step == Next(State.SCHEDULED, attempt, THROTTLED_WAIT[priority])


@pytest.mark.parametrize("kind", [*FAILED_BUT_MAY_WORK, K.THROTTLED, K.AMBIGUOUS])
@given(asked=st.floats(0, 10_000), dice=st.floats(0, 1), priority=st.sampled_from(Priority))
def test_nothing_comes_back_before_the_vendor_wants_it(
    kind: OutcomeKind, asked: float, dice: float, priority: Priority
) -> None:
    step = next_of(kind, retry_after=asked, priority=priority, rng=lambda: dice)
    assert step.delay >= asked


@pytest.mark.parametrize("kind", [*FAILED_BUT_MAY_WORK, K.THROTTLED, K.AMBIGUOUS])
@given(asked=st.none() | st.floats(0, 10_000), dice=st.floats(0, 1), priority=st.sampled_from(Priority))
def test_jitter_stays_within_its_bounds(
    kind: OutcomeKind, asked: float | None, dice: float, priority: Priority
) -> None:
    plain = THROTTLED_WAIT[priority] if kind is K.THROTTLED else DELAYS[priority][0]
    wanted = max(plain, asked or 0.0)
    step = next_of(kind, retry_after=asked, priority=priority, rng=lambda: dice)
    assert wanted * (1 - JITTER) <= step.delay <= wanted * (1 + JITTER) + 1e-9


@pytest.mark.parametrize("asked", [None, 100.0])
def test_neighbours_that_failed_together_do_not_come_back_together(asked: float | None) -> None:
    delays = {next_of(K.RETRY, retry_after=asked, rng=lambda dice=dice: dice / 10).delay for dice in range(10)}
    assert len(delays) == 10


@pytest.mark.parametrize("kind", [*FAILED_BUT_MAY_WORK, K.THROTTLED])
def test_later_is_not_planned_when_later_is_too_late(kind: OutcomeKind) -> None:
    delay = next_of(kind).delay
    assert next_of(kind, expires_in=delay + 0.1).state is State.SCHEDULED
    assert next_of(kind, expires_in=delay).state is State.EXPIRED
    assert next_of(kind, expires_in=-1.0).state is State.EXPIRED


def test_an_unclear_end_is_held_where_twice_is_worse() -> None:
    assert next_of(K.AMBIGUOUS, resend_unclear=False) == Next(State.UNKNOWN, 1)


def test_an_unclear_end_is_sent_again_and_flagged_where_missing_is_worse() -> None:
    assert next_of(K.AMBIGUOUS) == Next(State.SCHEDULED, 1, 60, possible_duplicate=True)


@pytest.mark.parametrize("resend", [True, False])
def test_a_vendor_that_drops_repeats_is_asked_again_without_a_flag(resend: bool) -> None:
    assert next_of(K.AMBIGUOUS, idempotent=True, resend_unclear=resend) == Next(State.SCHEDULED, 1, 60)


@pytest.mark.parametrize("idempotent", [True, False])
def test_an_unclear_end_is_never_called_dead_or_expired(idempotent: bool) -> None:
    """It may have been sent: a receipt must still be able to say so."""
    last = next_of(K.AMBIGUOUS, attempt=3, idempotent=idempotent)
    late = next_of(K.AMBIGUOUS, expires_in=1.0, idempotent=idempotent)
    assert (last.state, last.attempt) == (State.UNKNOWN, 4)
    assert (late.state, late.attempt) == (State.UNKNOWN, 1)


@given(
    kind=st.sampled_from(OutcomeKind),
    attempt=st.integers(0, 10),
    priority=st.sampled_from(Priority),
    resend=st.booleans(),
    idempotent=st.booleans(),
    asked=st.none() | st.floats(0, 1e6),
    expires=st.none() | st.floats(-1e6, 1e6),
    dice=st.floats(0, 1),
)
def test_whatever_happens_the_move_is_legal_and_attempts_end(
    kind: OutcomeKind,
    attempt: int,
    priority: Priority,
    resend: bool,
    idempotent: bool,
    asked: float | None,
    expires: float | None,
    dice: float,
) -> None:
    step = next_of(
        kind,
        attempt=attempt,
        priority=priority,
        resend_unclear=resend,
        idempotent=idempotent,
        retry_after=asked,
        expires_in=expires,
        rng=lambda: dice,
    )
    assert (State.SENDING, step.state) in LEGAL
    assert step.attempt == attempt + (kind is not K.THROTTLED)
    assert (step.delay > 0) == (step.state is State.SCHEDULED)
    assert not (step.possible_duplicate and step.state is not State.SCHEDULED)
    if kind is not K.THROTTLED and attempt >= len(DELAYS[priority]):
        assert not step.state.pending


@pytest.mark.parametrize("priority", Priority)
def test_where_another_account_is_well_the_first_failure_goes_there_at_once_and_uses_an_attempt(
    priority: Priority,
) -> None:
    assert next_of(K.RETRY, priority=priority, elsewhere=True, retry_after=900) == Next(State.ACCEPTED, 1)
    for attempt in range(1, 9):
        given: dict[str, Any] = {"attempt": attempt, "priority": priority}
        assert next_of(K.RETRY, **given, elsewhere=True) == next_of(K.RETRY, **given), "then the delays hold"


@pytest.mark.parametrize("attempt", range(5))
def test_a_refused_account_costs_a_message_no_attempt_where_another_can_take_it(attempt: int) -> None:
    assert next_of(K.MISCONFIGURED, attempt=attempt, elsewhere=True) == Next(State.ACCEPTED, attempt)


@pytest.mark.parametrize("kind", [K.ACCEPTED, K.REJECTED, K.THROTTLED, K.AMBIGUOUS])
def test_another_account_changes_nothing_else(kind: OutcomeKind) -> None:
    assert next_of(kind, elsewhere=True) == next_of(kind)
