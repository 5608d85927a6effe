"""What was accepted, what did the vendors see, what does the ledger say: do the three agree?

Pure, and modelled on Jepsen's check of a queue. The vendors' log is the sink's own, written before it answers; what was
in flight at a kill is read from the ledger at that moment. A duplicate is forgiven once for each time that nobody could
know the end of a call: its process died in it, or no clear answer came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from uuid import UUID

from techrar.ledger.states import State

#: The ledger says that the vendor took it.
TAKEN = {State.SENT, State.DELIVERED}


@dataclass(frozen=True, slots=True)
class Call:
    """One delivery in one request to the sink, as the sink wrote it down."""

    delivery: UUID
    taken: bool  #: the vendor would have sent it on; False: it was refused, by a status that says so
    clear: bool  #: the answer left no doubt
    at: float = 0.0
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One delivery as the ledger has it in the end."""

    state: State
    reason: str = ""
    flagged: bool = False  #: `possible_duplicate`
    times_sent: int = 0  #: how often its timeline says `sent`


@dataclass(frozen=True, slots=True)
class Evidence:
    accepted: Collection[UUID]  #: what the API or the ledger said yes to
    calls: Sequence[Call]
    rows: Mapping[UUID, Row]
    in_flight: Mapping[UUID, int] = field(default_factory=dict)  #: how often its call was cut short by a death
    cut_off: Mapping[UUID, int] = field(default_factory=dict)  #: how often the network swallowed the answer
    idempotent: Collection[UUID] = ()  #: whose receiver drops a second request of the same name
    excused: Collection[str] = ()  #: reasons for which a delivery may have ended unsent here
    stranded: Collection[UUID] = ()  #: envelopes that were reserved and that nobody had any more
    unbalanced: Sequence[str] = ()  #: what `ledger/reconcile.py` found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong; each of these is empty when all is well."""

    lost: frozenset[UUID]  #: accepted, and neither seen by a vendor nor ended for a reason that counts
    unexpected: frozenset[UUID]  #: seen by a vendor, never accepted
    beyond: frozenset[UUID]  #: taken more often than doubt allows
    unflagged: frozenset[UUID]  #: taken more than once, and the ledger does not say so
    denied: frozenset[UUID]  #: taken without a doubt, and the ledger says that it was not
    stuck: frozenset[UUID]  #: still pending after everything had come to rest
    twice: frozenset[UUID]  #: its timeline counts one outcome more than once
    stranded: frozenset[UUID]
    unbalanced: tuple[str, ...]

    @property
    def wrong(self) -> dict[str, int]:
        """How many of what, for those that are not zero."""
        return {f.name: len(found) for f in fields(self) if (found := getattr(self, f.name))}


def check(evidence: Evidence) -> Verdict:
    accepted, rows = frozenset(evidence.accepted), evidence.rows
    takes = Counter(call.delivery for call in evidence.calls if call.taken)
    doubts = Counter(call.delivery for call in evidence.calls if not call.clear)
    doubts.update(evidence.cut_off)
    in_flight = Counter(evidence.in_flight)
    clearly = frozenset(call.delivery for call in evidence.calls if call.taken and call.clear)
    doubled = duplicates(evidence.calls)
    idempotent = frozenset(evidence.idempotent)
    ended = {i for i in accepted if i in rows and rows[i].state not in TAKEN and not rows[i].state.pending}
    doubtful = {i for i in ended if rows[i].state is State.UNKNOWN and (in_flight[i] or doubts[i])}
    honest = doubtful | {i for i in ended if rows[i].reason in evidence.excused}
    stuck = frozenset(i for i in accepted if i in rows and rows[i].state.pending)
    return Verdict(
        lost=accepted - frozenset(takes) - honest - stuck,
        unexpected=frozenset(call.delivery for call in evidence.calls) - accepted,
        beyond=frozenset(i for i, n in doubled.items() if n - 1 > in_flight[i] + doubts[i]),
        # A receiver that drops the second of two requests needs no warning, unless we do not know what we did.
        unflagged=frozenset(
            i for i in doubled if not (i in rows and rows[i].flagged) and (in_flight[i] or i not in idempotent)
        ),
        denied=frozenset(i for i in ended & clearly if i not in doubtful),
        stuck=stuck,
        twice=frozenset(i for i, row in rows.items() if row.times_sent > 1),
        stranded=frozenset(evidence.stranded),
        unbalanced=tuple(evidence.unbalanced),
    )


def duplicates(calls: Sequence[Call]) -> dict[UUID, int]:
    """What was taken more than once, and how often."""
    takes = Counter(call.delivery for call in calls if call.taken)
    return {i: n for i, n in takes.items() if n > 1}
