"""Whatever happens in whatever order: nothing lost, nothing unexpected, and honest about the rest."""

from __future__ import annotations

import pytest

from tests.simulation.history import run
from tests.simulation.server import Server

#: In parts, so that pytest's workers share them.
QUICK = [range(start, start + 50) for start in range(0, 200, 50)]
MANY = [range(start, start + 500) for start in range(1_000, 5_000, 500)]


def part(seeds: range) -> str:
    return f"{seeds.start}-{seeds.stop - 1}"


@pytest.mark.parametrize("seeds", QUICK, ids=part)
def test_every_history_ends_well(server: Server, seeds: range) -> None:
    assert_well(server, seeds)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seeds", MANY, ids=part)
def test_thousands_of_histories_end_well(server: Server, seeds: range) -> None:
    assert_well(server, seeds)


def assert_well(server: Server, seeds: range) -> None:
    for seed in seeds:
        result = run(server, seed)
        assert result.wrong == [], f"replay it with: python -m tests.simulation --seed {seed}"


def test_a_number_is_one_history_whatever_came_before_it(server: Server) -> None:
    first = run(server, 4711).trace
    run(server, 4712)
    assert len(first) > 200
    assert run(server, 4711).trace == first


def test_histories_contain_what_they_are_for(server: Server) -> None:
    """A simulation in which nobody dies, nothing is retried or nobody waits for a lock would prove little."""
    said = " ".join(what for seed in range(40) for _, _, what in run(server, seed).trace)
    for event in (
        "DIES asks", "DIES was answered", "DIES calls", "DIES hears", "DIES publishes", "LOSES ITS DATABASE",
        "IS WIPED", "up the ladder", "taken in silence", "taken twice", "waits for a lock",
        "sent, broken, again", "in peace", "says bounced", "chore: leases", "flow is paused", "cancel",
    ):  # fmt: skip
        assert event in said, event
