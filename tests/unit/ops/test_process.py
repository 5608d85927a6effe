from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from ops.local.home import ROOT
from ops.local.process import LINUX, Identity, command_line, identify, is_alive, spawn, stop, stop_stranger

ENV = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('ready', flush=True)
time.sleep(60)
"""
PARENT = """
import os, subprocess, time
from ops.local.process import spawn
print(spawn(['sleep', '60'], env=os.environ, output=subprocess.DEVNULL).pid, flush=True)
time.sleep(60)
"""


def started(code: str) -> subprocess.Popen[bytes]:
    """A Python child, once it has printed its first line."""
    process = spawn([sys.executable, "-c", code], env=ENV, output=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def wait_until_gone(identity: Identity, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while is_alive(identity):
        assert time.monotonic() < until, f"process {identity.pid} is still there"
        time.sleep(0.02)


def test_a_process_is_recognised_until_it_ends() -> None:
    process = started("print('ready', flush=True); input()")
    identity = identify(process.pid)
    assert identity is not None
    assert "input()" in command_line(process.pid) or process.poll() is not None
    process.kill()
    wait_until_gone(identity)  # a zombie counts as gone
    process.wait()
    assert identify(process.pid) is None


def test_a_reused_process_id_is_not_the_process_of_then() -> None:
    mine = identify(os.getpid())
    assert mine is not None
    assert not is_alive(Identity(mine.pid, "another start"))


def test_one_that_ignores_the_request_is_killed_when_patience_ends() -> None:
    process = started(STUBBORN)
    began = time.monotonic()
    stop(process, signal.SIGTERM, patience=0.2)
    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - began < 10


def test_what_a_child_started_itself_is_stopped_with_it() -> None:
    process = spawn(["/bin/sh", "-c", "sleep 60 & echo $!; wait"], env=ENV, output=subprocess.PIPE)
    assert process.stdout is not None
    grandchild = identify(int(process.stdout.readline()))
    assert grandchild is not None
    stop(process, signal.SIGTERM, patience=5)
    wait_until_gone(grandchild)


def test_a_stranger_that_ignores_the_request_is_killed() -> None:
    process = started(STUBBORN)
    identity = identify(process.pid)
    assert identity is not None
    stop_stranger(identity, signal.SIGTERM, patience=0.2)
    assert process.wait(10) == -signal.SIGKILL
    stop_stranger(identity, signal.SIGTERM, patience=0.2)  # gone already: nothing to do


@pytest.mark.skipif(not LINUX, reason="elsewhere the next start stops what a killed supervisor left behind")
def test_children_do_not_survive_a_parent_that_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], env=ENV, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = identify(int(parent.stdout.readline()))
    assert child is not None
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until_gone(child)
