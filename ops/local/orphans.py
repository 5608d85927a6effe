"""Did a command's children outlive it? (Linux only: elsewhere orphans cannot be told from other processes.)"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ops.local.process import command_line, prctl

PR_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """From now on, whatever loses its parent below us becomes our child instead of the system's."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_all() -> list[str]:
    """Kill every child that is left; returns what each one was. Call it when all children of our own are gone."""
    ended = []
    until = time.monotonic() + 5
    while (left := _children()) and time.monotonic() < until:
        for pid in left:
            words = command_line(pid)
            if words:  # a zombie has none: it has ended by itself
                ended.append(words[:200])
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return ended


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []
