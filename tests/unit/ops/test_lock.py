from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.local.lock import only_one, stop_leftovers
from ops.local.memory import Memory
from ops.local.process import Identity, identify
from ops.local.trouble import Trouble


def test_a_second_command_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    refused = pytest.raises(Trouble, match=r"`make up` \(process \d+\) already uses .*stop it first")
    with only_one(tmp_path, doing="`make up`"), refused, only_one(tmp_path, doing="`make clean`"):
        pytest.fail("two at once")
    with only_one(tmp_path, doing="`make clean`"):
        assert "make clean" in (tmp_path / "up.lock").read_text()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from ops.local.lock import only_one\n"
        "with only_one(Path(sys.argv[1]), doing='`make up`'): print(1, flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path.cwd())
    assert other.stdout is not None
    assert other.stdout.readline()
    with pytest.raises(Trouble), only_one(tmp_path, doing="this"):
        pytest.fail("two at once")
    other.kill()
    other.wait()
    other.stdout.close()
    with only_one(tmp_path, doing="this"):
        pass


def test_what_a_killed_run_left_behind_is_stopped_and_said(tmp_path: Path) -> None:
    left = subprocess.Popen(["sleep", "60"])
    identity = identify(left.pid)
    assert identity is not None
    memory = Memory(tmp_path)
    memory.remember_processes([("web", identity), ("dispatcher", Identity(1, "long ago"))])
    said: list[str] = []
    stop_leftovers(memory, said.append)
    assert left.wait(10) == -signal.SIGTERM
    assert len(said) == 1
    assert "web" in said[0]
    assert "dispatcher" not in said[0]  # that id belongs to another process by now
    assert Memory(tmp_path).processes() == []
