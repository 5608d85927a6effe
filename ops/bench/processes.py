"""The processes that a scenario runs: started as an operator starts them, with a log each, ended with the scenario."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ops.local.home import ROOT
from ops.local.process import die_with

DISPATCHER = ("manage.py", "dispatch", "--skip-checks")
BULK = ("-m", "ops.bench.consumer", "deliver", "--lane", "bulk", "--channel", "email")
URGENT = ("-m", "ops.bench.consumer", "deliver", "--lane", "urgent", "--channel", "email")
#: Two consumers, as the floor has two processes.
ENGINE = {"dispatcher": DISPATCHER, "consumer 1": BULK, "consumer 2": BULK}
PATIENCE = 40.0


def start(arguments: Sequence[str], log: Path, **extra: str) -> subprocess.Popen[bytes]:
    """One Python process of ours; the kernel ends it when we die."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **extra},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=die_with(os.getpid(), signal.SIGKILL),
        )


@contextmanager
def running(programs: dict[str, Sequence[str]], folder: Path, **extra: str) -> Iterator[dict[str, int]]:
    """All of them until the block ends; answers their process ids by name."""
    started = {
        name: start(words, folder / f"{name.replace(' ', '-')}.log", **extra) for name, words in programs.items()
    }
    try:
        yield {name: process.pid for name, process in started.items()}
        died = [name for name, process in started.items() if process.poll() is not None]
        if died:
            raise RuntimeError(f"{' and '.join(died)} ended during the run; why is in {folder}")
    finally:
        for process in started.values():
            process.send_signal(signal.SIGTERM)
        for process in started.values():
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
