"""The same world, driven by Hypothesis: what happens is its choice, so that a failure is made as short as can be."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.simulation.history import EVENTS, PAUSES
from tests.simulation.invariants import Ranks, wrong
from tests.simulation.server import Server
from tests.simulation.world import World

SEEDS = st.integers(0, 2**32 - 1)


class Life(RuleBasedStateMachine):
    server: Server
    world: World | None = None

    @initialize(seed=SEEDS)
    def begin(self, seed: int) -> None:
        self.world = World(self.server, Random(seed))
        self.ranks = Ranks()

    @rule(name=st.sampled_from(list(EVENTS)), seed=SEEDS, pause=st.sampled_from(PAUSES))
    def something_happens(self, name: str, seed: int, pause: float) -> None:
        assert self.world is not None
        EVENTS[name][1](self.world, Random(seed))
        self.world.pass_time(pause)

    @invariant()
    def what_has_ended_only_moves_forward(self) -> None:
        if self.world is not None:
            self.ranks.look(self.world)

    def teardown(self) -> None:
        if self.world is None:
            return
        try:
            self.world.settle()
            self.ranks.look(self.world)
            assert wrong(self.world) == []
        finally:
            self.world.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("examples", [25, pytest.param(400, marks=pytest.mark.slow)])
def test_whatever_happens_ends_well(server: Server, examples: int) -> None:
    class Here(Life):
        pass

    Here.server = server
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
