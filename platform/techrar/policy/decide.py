"""May this delivery be sent now?

Pure: facts that the claim returned go in, a verdict comes out. `explain` and the engine ask the same function.
"""

from __future__ import annotations

from dataclasses import dataclass

from techrar.ledger.flows import FlowState
from techrar.ledger.states import State

#: So many leases lost with a row on board mean that the row itself kills its consumers.
POISON_AFTER = 5


@dataclass(frozen=True, slots=True)
class Facts:
    flow_state: int
    expires_in: float | None  #: seconds, by the database clock; None means never
    lost_leases: int = 0
    suppressed: bool = False  #: the address, on this channel, at the moment of the claim


@dataclass(frozen=True, slots=True)
class Send:
    """Nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Skip:
    """It will not be sent: a final state and why."""

    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Back in the line, until its flow runs again."""

    reason: str


Verdict = Send | Skip | Wait
SEND = Send()


def decide(facts: Facts) -> Verdict:
    if facts.flow_state == FlowState.CANCELLED:
        return Skip(State.CANCELLED, "flow_cancelled")
    if facts.expires_in is not None and facts.expires_in <= 0:
        return Skip(State.EXPIRED, "expired")
    if facts.lost_leases >= POISON_AFTER:
        return Skip(State.DEAD, "poison")
    if facts.flow_state != FlowState.ACTIVE:
        return Wait("flow_paused")
    if facts.suppressed:
        return Skip(State.SKIPPED, "suppressed")
    return SEND
