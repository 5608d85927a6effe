"""Whatever happens in whatever order, every row is somewhere, counted once, and nothing is stuck."""

from __future__ import annotations

from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from techrar.dispatch import sweeps
from techrar.dispatch.clock import Clock
from techrar.ledger.moves import Move
from techrar.ledger.reservations import Reservation, give_back
from techrar.ledger.states import LEGAL, State
from tests.support.ledger import Claimed, Ledger, utc, wipe

S = State
CATEGORIES = st.sampled_from(["transactional", "marketing"])
OUTCOMES = st.sampled_from(
    [S.SENT, S.FAILED, S.DEAD, S.UNKNOWN, S.SKIPPED, S.EXPIRED, S.ACCEPTED, S.QUEUED, S.SCHEDULED]
)
SOME = st.randoms(use_true_random=True)  # only a seed: what there is to choose from depends on the database


class Life(RuleBasedStateMachine):
    """Merchants, dispatchers, consumers, vendors and crashes take turns."""

    ledger: Ledger

    @initialize()
    def begin_empty(self) -> None:
        wipe(self.ledger.connection)
        self.flow = self.ledger.flow()
        self.published: list[Reservation] = []
        self.claims: list[Claimed] = []
        self.accepted = 0
        self.ended: dict[UUID, State] = {}

    @rule(count=st.integers(1, 4), category=CATEGORIES)
    def a_merchant_sends(self, count: int, category: str) -> None:
        self.ledger.accept(count, category=category, expires=utc(2050, 1, 1))
        self.accepted += count

    @rule()
    def a_merchant_schedules(self) -> None:
        self.ledger.accept(due=utc(2049, 1, 1), expires=utc(2050, 1, 1))
        self.accepted += 1

    @rule(dice=SOME)
    def a_merchant_cancels(self, dice: Random) -> None:
        self.ledger.cancel(self.some_ids(dice))

    @rule(limit=st.integers(1, 6), size=st.integers(1, 3), safe=st.booleans())
    def the_relay_reserves(self, limit: int, size: int, safe: bool) -> None:
        made = self.ledger.reserve(self.flow, limit=limit, size=size)
        self.published += made
        if not safe:
            give_back(self.ledger.connection, [r.publish_id for r in made])

    @rule(dice=SOME, forgotten=st.booleans())
    def an_old_envelope_is_claimed(self, dice: Random, forgotten: bool) -> None:
        """Perhaps one that was claimed, given back or swept before; perhaps by a process that dies at once."""
        if self.published:
            claimed = self.ledger.claim(dice.choice(self.published))
            if claimed.rows and not forgotten:
                self.claims.append(claimed)

    @rule(dice=SOME)
    def a_call_begins(self, dice: Random) -> None:
        self.ledger.begin(self.some_claim(dice))

    @rule(dice=SOME, state=OUTCOMES, part=st.booleans())
    def an_outcome_is_written(self, dice: Random, state: State, part: bool) -> None:
        """Perhaps for the second time, perhaps long after the lease was lost."""
        claimed = self.some_claim(dice)
        ids = claimed.ids[:1] if part else claimed.ids
        again = {"held_by": uuid4(), "delay": 1.0} if state is S.QUEUED else {}
        facts = {"reason": state.word, "account_id": 2, "cost_micros": 7}
        self.ledger.apply(
            [Move(i, state, state.word, claimed.id, **facts, **again) for i in ids], done=[] if part else [claimed.id]
        )

    @rule(dice=SOME, states=st.permutations([S.SENT, S.DELIVERED, S.BOUNCED]))
    def receipts_come(self, dice: Random, states: list[State]) -> None:
        for state in states[: dice.randint(1, 3)]:
            self.ledger.apply([Move(i, state, kind=state.word) for i in self.some_ids(dice)])

    @rule()
    def envelopes_are_swept(self) -> None:
        self.ledger.make_overdue()
        sweeps.envelopes(self.ledger.connection)

    @rule()
    def a_consumer_dies(self) -> None:
        self.ledger.lose_leases()
        sweeps.leases(self.ledger.connection)

    @rule(limit=st.integers(1, 3))
    def time_runs_out(self, limit: int) -> None:
        sweeps.expiries(self.ledger.connection, since=utc(2049, 1, 1), until=utc(2051, 1, 1), limit=limit)

    @rule()
    def sleepers_wake(self) -> None:
        self.ledger.connection.execute("UPDATE delivery SET wake_at = now() WHERE wake_at IS NOT NULL")
        Clock(self.ledger.connection, woken=lambda flows: None).wake()

    @invariant()
    def every_row_is_counted_once_and_none_is_stuck(self) -> None:
        if hasattr(self, "accepted"):
            self.ledger.assert_balanced()
            assert sum(self.ledger.states().values()) == self.accepted

    @invariant()
    def what_has_ended_only_moves_forward(self) -> None:
        if not hasattr(self, "ended"):
            return
        now = {r.id: State(r.state) for r in self.ledger.all("SELECT id, state FROM delivery")}
        for delivery, before in self.ended.items():
            assert now[delivery] == before or (before, now[delivery]) in LEGAL
        self.ended = {i: state for i, state in now.items() if not state.pending}

    def teardown(self) -> None:
        """Once everybody does what is theirs, everything ends."""
        if not hasattr(self, "flow"):
            return
        for _ in range(3):
            self.envelopes_are_swept()
            self.a_consumer_dies()
            self.sleepers_wake()
        for envelope in self.ledger.reserve(self.flow):
            self.ledger.settle(self.ledger.claim(envelope))
        assert not [word for word in self.ledger.states() if S[word.upper()].pending]
        self.every_row_is_counted_once_and_none_is_stuck()

    def some_claim(self, dice: Random) -> Claimed:
        """One that was made before, or a new one."""
        if not self.claims or dice.random() < 0.5:
            self.a_merchant_sends(2, dice.choice(["transactional", "marketing"]))
            self.claims.append(self.ledger.take(self.flow))
        return dice.choice(self.claims)

    def some_ids(self, dice: Random) -> list[UUID]:
        ids = [r.id for r in self.ledger.all("SELECT id FROM delivery ORDER BY id")]
        return dice.sample(ids, min(len(ids), 4)) or [uuid4()]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("examples", [50, pytest.param(300, marks=pytest.mark.slow)])
def test_any_order_of_events_balances(ledger: Ledger, examples: int) -> None:
    class Here(Life):
        pass

    Here.ledger = ledger
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
