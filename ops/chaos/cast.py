"""The service's processes while things break: who runs, who was killed on purpose, and who fell over by itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from ops.chaos.eyes import Eyes
from ops.chaos.processes import DISPATCH, Process

#: As a supervisor waits before it starts again what died.
RESTART_SECONDS = 1.0
BOOT_SECONDS = 60.0
CONSUMERS = ("bulk-1", "bulk-2", "urgent")
DISPATCHERS = ("dispatch-1", "dispatch-2")


def commands(port: int, *, consumer: Sequence[str] = ("-m", "ops.chaos.consumer")) -> dict[str, tuple[str, ...]]:
    web = ("-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "2")
    return {
        "web": (*web, "--blocking-threads", "2", "--respawn-failed-workers", "techrar.wsgi:application"),
        **dict.fromkeys(DISPATCHERS, DISPATCH),
        "urgent": (*consumer, "deliver", "--lane", "urgent"),
        "bulk-1": (*consumer, "deliver", "--lane", "bulk"),
        "bulk-2": (*consumer, "deliver", "--lane", "bulk"),
    }


class Cast:
    """Every process by its name. Whatever dies in the middle of calls is asked which."""

    def __init__(self, commands: Mapping[str, Sequence[str]], *, eyes: Eyes, logs: Path) -> None:
        self.eyes = eyes
        self.processes = {name: Process(*words, log=logs / f"{name}.log") for name, words in commands.items()}
        self.in_flight: Counter[UUID] = Counter()
        self.fell: list[str] = []  #: who ended without being asked to
        self.expected: Callable[[str], bool] = lambda _name: False  #: whose fall is part of the plan
        self._silent_until: dict[str, int] = {}
        self.hurry = False  #: let the leases of the dead end at once

    def start(self) -> None:
        for name in self.processes:
            self._start(name)
        self._await(*self.processes)

    def kill(self, *names: str) -> None:
        """`kill -9`, all at once; a supervisor starts them again a moment later."""
        pids = [self.processes[name].kill() for name in names]
        time.sleep(RESTART_SECONDS)
        for name, pid in zip(names, pids, strict=True):
            self._mourn(name, pid)

    def stop(self, *names: str) -> None:
        """SIGTERM, all at once; each must leave in order."""
        for name in names:
            self.processes[name].running.terminate()
        for name in names:
            code = self.processes[name].running.wait(60)
            if code:
                self.fell.append(f"{name} ended with {code} when it was told to stop")

    def restart(self, *names: str, **environment: str) -> None:
        """In order, and with something different in their environment; without it, as they were at first."""
        self.stop(*names)
        for name in names:
            self.processes[name].environment = environment
            self._start(name)
        self._await(*names)

    def revive(self) -> None:
        """Start again whoever is gone."""
        for name, process in self.processes.items():
            if process.running.poll() is not None:
                if not self.expected(name):
                    self.fell.append(f"{name} fell over with {process.running.returncode}")
                self._mourn(name, process.running.pid)

    def end(self) -> None:
        for process in self.processes.values():
            process.running.kill()
            process.running.wait(10)

    def _mourn(self, name: str, pid: int) -> None:
        if name in CONSUMERS:
            self.in_flight += self.eyes.cut_short(pid)
            if self.hurry:
                self.eyes.end_leases(pid)
        self._start(name)

    def _start(self, name: str) -> None:
        """Whoever is told to stop before it is at work ends without having heard of it."""
        process = self.processes[name]
        self._silent_until[name] = process.log.stat().st_size if process.log.exists() else 0
        process.start()

    def _await(self, *names: str) -> None:
        until = time.monotonic() + BOOT_SECONDS
        while waiting := [name for name in names if not self._at_work(name)]:
            assert time.monotonic() < until, f"{', '.join(waiting)} did not start within {BOOT_SECONDS:.0f} s"
            time.sleep(0.05)

    def _at_work(self, name: str) -> bool:
        """It says so in its first line."""
        return self.processes[name].log.stat().st_size > self._silent_until[name]
