"""May it be sent now?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techrar.ledger.flows import FlowState
from techrar.ledger.states import LEGAL, State
from techrar.policy.decide import POISON_AFTER, SEND, Facts, Skip, Verdict, Wait, decide


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (Facts(FlowState.ACTIVE, None), SEND),
        (Facts(FlowState.ACTIVE, 0.001), SEND),
        (Facts(FlowState.ACTIVE, None, lost_leases=POISON_AFTER - 1), SEND),
        (Facts(FlowState.ACTIVE, 0.0), Skip(State.EXPIRED, "expired")),
        (Facts(FlowState.ACTIVE, -5.0), Skip(State.EXPIRED, "expired")),
        (Facts(FlowState.ACTIVE, None, lost_leases=POISON_AFTER), Skip(State.DEAD, "poison")),
        (Facts(FlowState.PAUSED, None), Wait("flow_paused")),
        (Facts(FlowState.HELD, 60.0), Wait("flow_paused")),
        (Facts(FlowState.CANCELLED, None), Skip(State.CANCELLED, "flow_cancelled")),
        (Facts(FlowState.ACTIVE, None, suppressed=True), Skip(State.SKIPPED, "suppressed")),
    ],
)
def test_each_fact_has_its_verdict(facts: Facts, verdict: Verdict) -> None:
    assert decide(facts) == verdict


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        # The merchant's word comes first, and what cannot be sent any more does not wait for its flow.
        (Facts(FlowState.CANCELLED, -1.0, POISON_AFTER), Skip(State.CANCELLED, "flow_cancelled")),
        (Facts(FlowState.PAUSED, -1.0, POISON_AFTER), Skip(State.EXPIRED, "expired")),
        (Facts(FlowState.PAUSED, None, POISON_AFTER), Skip(State.DEAD, "poison")),
    ],
)
def test_the_strongest_reason_is_the_one_given(facts: Facts, verdict: Verdict) -> None:
    assert decide(facts) == verdict


@given(st.sampled_from(FlowState), st.none() | st.floats(-100, 100), st.integers(0, 10), st.booleans())
def test_a_refusal_is_a_legal_move_and_says_why(
    flow: FlowState, expires_in: float | None, lost: int, suppressed: bool
) -> None:
    verdict = decide(Facts(flow, expires_in, lost, suppressed))
    if isinstance(verdict, Skip):
        assert (State.SENDING, verdict.state) in LEGAL
        assert not verdict.state.pending
        assert verdict.reason
    if flow is not FlowState.ACTIVE or suppressed:
        assert verdict != SEND
