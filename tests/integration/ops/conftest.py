"""Folders for servers of a test's own, wherever the servers' account can reach."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from ops.local import postgres
from ops.local.home import Home, open_home
from ops.local.memory import Memory
from ops.local.server import Server

StartPostgres = Callable[[], AbstractContextManager[Server]]


@pytest.fixture
def said() -> list[str]:
    """What was said to the person at the terminal."""
    return []


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """As root the servers' account cannot enter pytest's folders, so the data lies in the second one."""
    other = Path(tempfile.mkdtemp(prefix="techrar-own-test-", dir="/var/tmp"))
    yield open_home(tmp_path / "local", other=other)
    shutil.rmtree(other)


@pytest.fixture
def memory(home: Home) -> Memory:
    return Memory(home.folder)


@pytest.fixture
def start_postgres(home: Home, memory: Memory, said: list[str]) -> StartPostgres:
    @contextmanager
    def started() -> Iterator[Server]:
        server = postgres.prepare(home, memory, durable=False, rng=random.Random(), say=said.append)
        server.start()
        try:
            server.wait_until_it_answers(30)
            yield server
        finally:
            server.ask_to_stop(fast=True)
            server.finish_stopping()

    return started
