"""The runner behind `make test`, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import redis

from ops.local import testing
from ops.local.home import ROOT
from ops.local.process import LINUX, identify
from ops.local.signals import STOPPING, StopRequests

pytestmark = pytest.mark.slow


def launch(*command: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ops.local.testing", "--workers", "1", "--", *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": "postgresql://not-this-one/db", **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def leftovers() -> set[Path]:
    return {folder for place in (tempfile.gettempdir(), "/var/tmp") for folder in Path(place).glob("techrar-test-*")}


def test_a_command_gets_servers_of_its_own_for_as_long_as_it_runs() -> None:
    before = leftovers()
    process = launch("sh", "-c", "echo $DATABASE_URL; echo $REDIS_URL; echo $TEST_SERVERS; read line; exit 7")
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _ in range(3)]
    with psycopg.connect(lines[0]) as connection:
        assert connection.info.host == "127.0.0.1"
    with redis.Redis.from_url(lines[1]) as client:
        assert client.ping()
    assert lines[2] == "private"
    process.communicate("go on\n", timeout=60)
    assert process.returncode == 7
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(lines[0])
    assert_gone(leftovers() - before)


@pytest.mark.skipif(not LINUX, reason="elsewhere orphans cannot be told from other processes")
def test_what_a_test_leaves_running_is_ended_and_named() -> None:
    process = launch("sh", "-c", "sleep 600 & echo $!")
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "The tests left a process behind, which was ended: sleep 600" in printed
    assert identify(int(printed.split()[0])) is None


def assert_gone(folders: set[Path]) -> None:
    """Ours are gone already. Another worker's may be among them, and go when its test ends."""
    until = time.monotonic() + 60
    while any(folder.exists() for folder in folders):
        assert time.monotonic() < until, f"left behind: {folders}"
        time.sleep(0.2)


def test_a_request_to_stop_that_comes_while_the_command_starts_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command may speak, and somebody may answer with a signal, before we know its process id."""

    def start_and_be_asked_to_stop(*given: Any, **named: Any) -> subprocess.Popen[bytes]:
        started = subprocess.Popen(*given, **named)
        signal.raise_signal(signal.SIGTERM)
        return started

    before = {number: signal.getsignal(number) for number in STOPPING}
    stops = StopRequests()
    stops.install()
    monkeypatch.setattr(testing.orphans, "adopt", lambda: None)
    monkeypatch.setattr(testing, "subprocess", SimpleNamespace(Popen=start_and_be_asked_to_stop))
    try:
        assert testing._wait_for(["sleep", "600"], os.environ, stops) == 128 + signal.SIGTERM
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_request_to_stop_ends_the_command_and_the_servers() -> None:
    before = leftovers()
    process = launch("sh", "-c", "echo $DATABASE_URL; exec sleep 600")
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    assert_gone(leftovers() - before)
