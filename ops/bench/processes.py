"""The processes that a scenario runs: started as an operator starts them, with a log each, ended with the scenario."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from ops.local.home import ROOT
from ops.local.ports import LOOPBACK
from ops.local.process import die_with

DISPATCHER = ("manage.py", "dispatch", "--skip-checks")
BULK = ("-m", "ops.bench.consumer", "deliver", "--lane", "bulk", "--channel", "email")
URGENT = ("-m", "ops.bench.consumer", "deliver", "--lane", "urgent", "--channel", "email")
WEB_WORKERS = 2
PATIENCE = 40.0


def service(port: int) -> dict[str, Sequence[str]]:
    """The service as it runs in production on a small machine. Two bulk consumers, as the floor has two processes."""
    return {
        "dispatcher": DISPATCHER,
        "consumer 1": BULK,
        "consumer 2": BULK,
        "urgent": URGENT,
        "web": web("techrar.wsgi:application", port),
    }


def web(application: str, port: int) -> Sequence[str]:
    """The server of the API, as an operator starts it."""
    workers = ("--workers", str(WEB_WORKERS), "--blocking-threads", "4", "--backlog", "1024", "--no-ws")
    return ("-m", "granian", "--interface", "wsgi", "--host", LOOPBACK, "--port", str(port), *workers, application)


def wait_for_web(port: int, path: str = "/livez", seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while True:
        connection = HTTPConnection(LOOPBACK, port, timeout=1)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        if time.monotonic() > until:
            raise RuntimeError(f"the web process does not answer on port {port}; why is in build/bench/web.log")
        time.sleep(0.1)


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
