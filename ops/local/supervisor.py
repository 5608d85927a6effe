"""How are the service's processes kept running, and stopped in order without leaving one behind?

One thread, one loop: it reads what the processes write, restarts what died, and looks for requests to stop.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.local.console import Console, Lines
from ops.local.process import Identity, identify, signal_group, spawn
from ops.local.servers import Servers
from ops.local.signals import StopRequests
from ops.local.trouble import Trouble

TICK = 0.1
STEADY_SECONDS = 30.0
LONGEST_BACK_OFF = 30.0
STARTS_BEFORE_GIVING_UP = 3


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str | Path]
    # Lower ones stop first; those of one rank stop together.
    rank: int
    patience: float


@dataclass
class Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    lines: Lines = field(default_factory=Lines)
    started: float = 0.0
    failures: int = 0
    again_at: float = 0.0


class Supervisor:
    def __init__(
        self,
        programs: Sequence[Program],
        *,
        env: Mapping[str, str],
        cwd: Path,
        console: Console,
        stops: StopRequests,
        servers: Servers,
    ) -> None:
        self.children = [Child(program) for program in programs]
        self.env = env
        self.cwd = cwd
        self.console = console
        self.stops = stops
        self.servers = servers
        self._reading = selectors.DefaultSelector()
        self._ready = False

    def run(self, *, is_ready: Callable[[], bool], when_ready: Callable[[], None]) -> None:
        """Until somebody asks to stop; raises Trouble when the processes cannot be started."""
        self.stops.raising = False
        try:
            for child in self.children:
                self._start(child)
            self._remember()
            while not self._asked_to_stop():
                self._read(TICK)
                self._restart_what_died()
                if not self._ready and all(self._runs(child) for child in self.children) and is_ready():
                    self._ready = True
                    when_ready()
        finally:
            self._stop_children()

    def _asked_to_stop(self) -> bool:
        self.console.notice_who_left()
        return self.stops.count > 0 or self.console.gone

    @staticmethod
    def _runs(child: Child) -> bool:
        return child.process is not None and child.process.poll() is None

    def _start(self, child: Child) -> None:
        process = spawn(child.program.command, env=self.env, output=subprocess.PIPE, cwd=self.cwd)
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        child.process = process
        child.started = time.monotonic()
        self._reading.register(process.stdout, selectors.EVENT_READ, child)

    def _read(self, seconds: float) -> None:
        if not self._reading.get_map():
            time.sleep(seconds)
            return
        for key, _ in self._reading.select(seconds):
            child: Child = key.data
            data = os.read(key.fd, 65536)
            self.console.lines(child.program.name, child.lines.feed(data) if data else child.lines.rest())
            if not data:
                self._close(child)

    def _drain(self) -> None:
        for _ in range(100):  # one that never falls silent may not hold us up
            if not self._reading.get_map() or not self._reading.select(0):
                return
            self._read(0)

    def _close(self, child: Child) -> None:
        assert child.process is not None
        if child.process.stdout is not None and not child.process.stdout.closed:
            self._reading.unregister(child.process.stdout)
            child.process.stdout.close()

    def _restart_what_died(self) -> None:
        now = time.monotonic()
        self.servers.revive(now)
        for child in self.children:
            if self._runs(child):
                if now - child.started > STEADY_SECONDS:
                    child.failures = 0
            elif child.process is not None:
                self._bury(child)
            elif now >= child.again_at:
                self._start(child)
                self._remember()

    def _bury(self, child: Child) -> None:
        assert child.process is not None
        name, code = child.program.name, child.process.returncode
        self._drain()  # its last words come before ours
        self._close(child)
        signal_group(child.process.pid, signal.SIGKILL)
        child.process = None
        child.failures += 1
        if not self._ready and child.failures >= STARTS_BEFORE_GIVING_UP:
            raise Trouble(
                f"{name} stopped {child.failures} times while starting ({ending(code)}; its own words are above): "
                "everything is stopped."
            )
        wait = min(2.0 ** (child.failures - 1), LONGEST_BACK_OFF)
        child.again_at = time.monotonic() + wait
        self.console.say(f"{name} has stopped ({ending(code)}); it is started again in {wait:.0f} s.")

    def _stop_children(self) -> None:
        for rank in sorted({child.program.rank for child in self.children}):
            group = [child for child in self.children if child.program.rank == rank and child.process is not None]
            for child in group:
                assert child.process is not None
                child.process.terminate()
            self._wait_for(group)

    def _wait_for(self, group: Sequence[Child]) -> None:
        """Bounded by each one's patience; a second request to stop ends all patience."""
        began = time.monotonic()
        while waiting := [child for child in group if self._runs(child)]:
            for child in waiting:
                fast = self.stops.count > 1
                if fast or time.monotonic() - began > child.program.patience:
                    reason = "on request" if fast else f"it did not stop within {child.program.patience:.0f} s"
                    self.console.say(f"{child.program.name} is killed: {reason}.")
                    assert child.process is not None
                    signal_group(child.process.pid, signal.SIGKILL)
                    child.process.wait()
            self._read(TICK)
        for child in group:
            assert child.process is not None
            signal_group(child.process.pid, signal.SIGKILL)  # what it may have started itself
            self._drain()
            self._close(child)

    def _remember(self) -> None:
        running: list[tuple[str, Identity]] = [
            (child.program.name, identity)
            for child in self.children
            if child.process is not None and (identity := identify(child.process.pid))
        ]
        self.servers.memory.remember_processes([*running, *self.servers.identities()])


def ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
