"""Which states can a delivery be in, and which moves between them are legal?

This is the one table of the state machine: SQL guards, tallies, docs and the UI are generated from it. Codes below
`State.UNKNOWN` are pending: they share one line in the tallies, so that moving between them costs no counter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class State(IntEnum):
    SCHEDULED = 1  #: waits for its time
    ACCEPTED = 2  #: due, waits for its place in the line
    QUEUED = 3  #: reserved by an envelope
    SENDING = 4  #: claimed by a consumer
    UNKNOWN = 5  #: a call began and its end was never seen
    SENT = 6  #: the vendor took it
    DELIVERED = 7  #: the vendor says that it arrived
    BOUNCED = 8  #: the vendor says that it will not arrive
    FAILED = 9  #: refused for good
    DEAD = 10  #: gave up; among the dead letters
    SKIPPED = 11  #: policy said no
    CANCELLED = 12  #: the merchant said no
    EXPIRED = 13  #: too late to be of use

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def pending(self) -> bool:
        return self < State.UNKNOWN


#: In the tallies all pending states are one.
PENDING = 0


@dataclass(frozen=True, slots=True)
class Transition:
    source: State
    target: State
    when: str


S = State
TRANSITIONS: tuple[Transition, ...] = (
    Transition(S.SCHEDULED, S.ACCEPTED, "its time has come"),
    Transition(S.ACCEPTED, S.QUEUED, "reserved by an envelope"),
    Transition(S.QUEUED, S.ACCEPTED, "publish refused, or not claimed in time"),
    Transition(S.QUEUED, S.SENDING, "claimed"),
    Transition(S.SENDING, S.ACCEPTED, "released uncalled, or resent after an unclear end"),
    Transition(S.SENDING, S.QUEUED, "short retry, on the ladder"),
    Transition(S.SENDING, S.SCHEDULED, "long retry or deferred by policy"),
    Transition(S.SENDING, S.SENT, "the vendor accepted it"),
    Transition(S.SENDING, S.UNKNOWN, "ambiguous outcome, or its consumer died during the call"),
    Transition(S.SENDING, S.FAILED, "rejected"),
    Transition(S.SENDING, S.DEAD, "retries used up, or poison"),
    Transition(S.SENDING, S.SKIPPED, "policy"),
    Transition(S.SENDING, S.CANCELLED, "its flow was cancelled"),
    Transition(S.SENDING, S.EXPIRED, "too late"),
    *(
        Transition(source, target, "by the merchant" if target is S.CANCELLED else "too late")
        for source in (S.SCHEDULED, S.ACCEPTED, S.QUEUED)
        for target in (S.CANCELLED, S.EXPIRED)
    ),
    # Receipts may overtake our own outcome, and may settle one that was never seen.
    *(
        Transition(source, target, "receipt")
        for source in (S.SCHEDULED, S.ACCEPTED, S.QUEUED, S.SENDING, S.UNKNOWN)
        for target in (S.SENT, S.DELIVERED, S.BOUNCED)
        if (source, target) != (S.SENDING, S.SENT)
    ),
    Transition(S.SENT, S.DELIVERED, "receipt"),
    Transition(S.SENT, S.BOUNCED, "receipt"),
    Transition(S.DELIVERED, S.BOUNCED, "receipt"),
)

Pair = tuple[State, State]
LEGAL: frozenset[Pair] = frozenset((t.source, t.target) for t in TRANSITIONS)
#: What those may do who do not hold the row. While it is being sent that is only to say what the vendor says: a cancel
#: or an expiry that comes a moment after the claim must not deny a message that goes out.
OPEN: frozenset[Pair] = frozenset(
    (a, b) for a, b in LEGAL if a is not S.SENDING or b in (S.SENT, S.DELIVERED, S.BOUNCED)
)


def sources(target: State) -> tuple[State, ...]:
    """From which states may a delivery come here?"""
    return tuple(state for state in State if (state, target) in LEGAL)


def pairs_sql(pairs: Iterable[Pair]) -> str:
    """A table as an SQL row list, for guards."""
    return ", ".join(f"({int(a)}, {int(b)})" for a, b in sorted(pairs))
