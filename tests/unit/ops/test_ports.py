from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local import ports
from ops.local.memory import Memory

RNG = random.Random(7)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind((ports.LOOPBACK, 0))
        server.listen()
        yield server


def choose(memory: Memory, said: list[str]) -> int:
    return ports.choose("PostgreSQL", memory=memory, rng=RNG, say=said.append)


def test_a_port_is_the_same_at_the_next_start(tmp_path: Path) -> None:
    said: list[str] = []
    first = choose(Memory(tmp_path), said)
    assert choose(Memory(tmp_path), said) == first
    assert first in ports.RANGE
    assert said == []


def test_a_port_that_was_taken_meanwhile_is_left_with_one_sentence(tmp_path: Path, listener: socket.socket) -> None:
    said: list[str] = []
    memory = Memory(tmp_path)
    taken = listener.getsockname()[1]
    memory.remember_port("PostgreSQL", taken)
    other = choose(memory, said)
    assert other != taken
    assert memory.port("PostgreSQL") == other
    assert len(said) == 1
    assert str(taken) in said[0]
    assert str(other) in said[0]


def test_a_listener_makes_a_port_taken_and_its_end_makes_it_free(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert not ports.is_free(port)
    listener.close()
    assert ports.is_free(port)
