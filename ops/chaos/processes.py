"""The service's own processes, as an operator starts them, on the servers that the environment names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from ops.local.process import die_with

ROOT = Path(__file__).resolve().parents[2]
DISPATCH = ("manage.py", "dispatch")
BULK = ("-m", "consumers", "deliver", "--lane", "bulk")
URGENT = ("-m", "consumers", "deliver", "--lane", "urgent")


class Process:
    """Ends with its block, whatever happens in it. What it says is in `log`."""

    def __init__(self, *arguments: str, log: Path, **environment: str) -> None:
        self.arguments = arguments
        self.log = log
        self.environment = environment

    def __enter__(self) -> Process:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self.running.poll() is None:
            self.running.kill()
        self.running.wait(10)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(  # noqa: S603
                [sys.executable, *self.arguments],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with(os.getpid(), signal.SIGKILL),
            )

    def kill(self) -> int:
        """As the kernel does it: no goodbye. Answers the id it had."""
        self.running.kill()
        self.running.wait(10)
        return self.running.pid

    def stop(self, seconds: float = 30) -> int:
        """As a supervisor does it. Answers the exit code."""
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(seconds)

    @property
    def said(self) -> str:
        return self.log.read_text()
