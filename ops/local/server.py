"""What do our servers have in common: start, answer, die unnoticed, stop?"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ops.local.process import Identity, identify, signal_group, stop
from ops.local.trouble import Trouble


@dataclass
class Server:
    """One server process of ours, described by what starts it and what shows that it answers."""

    name: str
    url: str
    log: Path
    launch: Callable[[], subprocess.Popen[bytes]]
    answers: Callable[[], bool]
    stop_signal: int = signal.SIGTERM
    fast_signal: int = signal.SIGKILL
    patience: float = 20.0
    # What has to live as long as the server does (RabbitMQ's name server); stopped after it.
    helpers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    again_at: float = 0.0

    def start(self) -> None:
        self.process = self.launch()

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def wait_until_it_answers(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.answers():
            if self.ended():
                raise Trouble(f"{self.name} stopped while starting: {last_words(self.log)} (all of it: {self.log}).")
            if time.monotonic() > until:
                raise Trouble(
                    f"{self.name} did not answer in {seconds:.0f} s: {last_words(self.log)} (all of it: {self.log})."
                )
            time.sleep(0.02)

    def revive(self, now: float) -> float | None:
        """Start again what died by itself, ever more slowly; returns the pause when a death has just been noticed."""
        if not self.ended():
            return None
        if self.process is not None:
            signal_group(self.process.pid, signal.SIGKILL)
            self.process = None
            self.failures += 1
            wait = min(2.0 ** (self.failures - 1), 30.0)
            self.again_at = now + wait
            return wait
        if now >= self.again_at:
            self.start()
        return None

    def ask_to_stop(self, *, fast: bool) -> None:
        if self.process is None or self.ended():
            return
        if fast and self.fast_signal == signal.SIGKILL:
            signal_group(self.process.pid, signal.SIGKILL)
        else:
            self.process.send_signal(self.fast_signal if fast else self.stop_signal)

    def finish_stopping(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """Wait for the end that was asked for; past its patience, or in a hurry, the whole group is killed."""
        if self.process is not None:
            until = time.monotonic() + self.patience
            hurried = False
            while not self.ended() and time.monotonic() < until:
                if hurry() and not hurried:
                    hurried, until = True, min(until, time.monotonic() + 5)
                    self.ask_to_stop(fast=True)
                time.sleep(0.02)
            signal_group(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for helper in self.helpers:
            stop(helper, signal.SIGTERM, patience=2.0)

    def identities(self) -> list[tuple[str, Identity]]:
        running = [process for process in (self.process, *self.helpers) if process is not None]
        return [(self.name, identity) for process in running if (identity := identify(process.pid))]


def last_words(log: Path) -> str:
    """The line of a server's log that most likely says what was wrong."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, os.fstat(handle.fileno()).st_size - 20_000))
            lines = [line.strip() for line in handle.read().decode(errors="replace").splitlines() if line.strip()]
    except FileNotFoundError:
        lines = []
    alarming = [line for line in lines if "FATAL" in line or "PANIC" in line or "rror" in line]
    return (alarming or lines or ["it said nothing"])[-1][:300]
