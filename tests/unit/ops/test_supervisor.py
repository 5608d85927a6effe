from __future__ import annotations

import io
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.local import supervisor as module
from ops.local.console import Console
from ops.local.home import Home
from ops.local.memory import Memory
from ops.local.process import is_alive
from ops.local.servers import Servers
from ops.local.signals import StopRequests
from ops.local.supervisor import Program, Supervisor, ending
from ops.local.trouble import Trouble

POLITE = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: (print('bye'), exit(0)))
print('hello')
time.sleep(60)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('hello'); time.sleep(60)"


class Stage:
    """A supervisor of stand-in programs, and what it said."""

    def __init__(self, folder: Path, *programs: Program) -> None:
        self.out = io.StringIO()
        self.console = Console(self.out)
        self.memory = Memory(folder)
        self.stops = StopRequests()
        self.began = time.monotonic()
        servers = Servers(
            Home(folder, folder, None),
            self.memory,
            environ={"TRANSPORT": "ledger"},
            durable=True,
            rng=random.Random(1),
            say=self.console.say,
        )
        env = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
        self.supervisor = Supervisor(
            programs, env=env, cwd=folder, console=self.console, stops=self.stops, servers=servers
        )

    @property
    def said(self) -> str:
        return self.out.getvalue()

    def run(self, is_ready: Callable[[], bool], *, stop: int = 1) -> None:
        """Until ready, then stop as if that many signals had come."""
        self.supervisor.run(is_ready=lambda: self._in_time() and is_ready(), when_ready=lambda: self._stop(stop))

    def run_until(self, done: Callable[[], bool]) -> None:
        """Ready at once; stop when `done`."""

        def check() -> bool:
            if done():
                self._stop(1)
            return self._in_time() and False

        self.supervisor.run(is_ready=check, when_ready=lambda: None)

    def _stop(self, count: int) -> None:
        self.stops.count = count

    def _in_time(self) -> bool:
        assert time.monotonic() - self.began < 30, self.said
        return True


def program(name: str, code: str, *, rank: int = 1, patience: float = 10) -> Program:
    return Program(name, (sys.executable, "-c", code), rank=rank, patience=patience)


def test_each_line_carries_the_name_of_its_program(tmp_path: Path) -> None:
    stage = Stage(tmp_path, program("web", POLITE), program("dispatcher", POLITE))
    stage.run(lambda: stage.said.count("hello") == 2)
    lines = sorted(line.replace(" ", "") for line in stage.said.splitlines())
    assert lines == ["dispatcher|bye", "dispatcher|hello", "web|bye", "web|hello"]


def test_programs_stop_in_the_order_of_their_ranks(tmp_path: Path) -> None:
    stage = Stage(tmp_path, program("servers", POLITE, rank=2), program("web", POLITE, rank=1))
    stage.run(lambda: stage.said.count("hello") == 2)
    assert [line.split()[0] for line in stage.said.splitlines() if "bye" in line] == ["web", "servers"]


def test_none_is_left_behind(tmp_path: Path) -> None:
    stage = Stage(tmp_path, program("web", POLITE), program("deaf", STUBBORN, patience=0.1))
    seen = []
    stage.run(lambda: stage.said.count("hello") == 2 and not seen.extend(stage.memory.processes()))
    assert [name for name, _ in seen] == ["web", "deaf"]
    assert not any(is_alive(identity) for _, identity in seen)
    assert "deaf is killed: it did not stop within" in stage.said


def test_a_second_request_waits_for_nobody(tmp_path: Path) -> None:
    stage = Stage(tmp_path, program("deaf", STUBBORN, patience=60))
    stage.run(lambda: "hello" in stage.said, stop=2)
    assert "deaf is killed: on request" in stage.said


def test_what_dies_is_started_again_ever_more_slowly_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STARTS_BEFORE_GIVING_UP", 99)
    stage = Stage(tmp_path, program("web", "print('hello'); exit(3)"))
    stage.run_until(lambda: stage.said.count("hello") == 3)
    assert "web has stopped (exit code 3); it is started again in 1 s." in stage.said
    assert "web has stopped (exit code 3); it is started again in 2 s." in stage.said
    first_death = stage.said.index("has stopped")
    assert stage.said.index("hello") < first_death  # its own words come first


def test_one_that_cannot_start_stops_everything_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STARTS_BEFORE_GIVING_UP", 2)
    stage = Stage(tmp_path, program("web", POLITE), program("dispatcher", "raise SystemExit('no such thing')"))
    with pytest.raises(Trouble, match=r"dispatcher stopped 2 times while starting \(exit code 1"):
        stage.run(lambda: False)
    assert stage.said.count("no such thing") == 2
    assert not any(is_alive(identity) for _, identity in stage.memory.processes())


def test_when_nobody_reads_any_more_everything_stops(tmp_path: Path) -> None:
    stage = Stage(tmp_path, program("web", POLITE))

    def leave() -> None:
        stage.console.gone = True

    stage.supervisor.run(is_ready=lambda: "hello" in stage.said, when_ready=leave)
    assert not any(is_alive(identity) for _, identity in stage.memory.processes())


def test_an_ending_is_told_in_words() -> None:
    assert ending(3) == "exit code 3"
    assert ending(-9) == "killed by SIGKILL"
