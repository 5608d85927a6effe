"""Does another command already use these folders, or did one leave processes behind?"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.local.memory import Memory
from ops.local.process import is_alive, stop_stranger
from ops.local.trouble import Trouble


@contextmanager
def only_one(folder: Path, *, doing: str) -> Iterator[None]:
    """Held by the kernel for as long as we live: it cannot become stale, whatever the file says."""
    file = folder / "up.lock"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(descriptor, 200).decode(errors="replace").strip() or "another command"
            raise Trouble(
                f"{other} already uses {folder}: use that one, or stop it first (Ctrl-C where it runs)."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{doing} (process {os.getpid()})\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def stop_leftovers(memory: Memory, say: Callable[[str], None]) -> None:
    """Where the kernel does not end our children with us (macOS), a killed supervisor leaves them behind."""
    left = [(name, identity) for name, identity in memory.processes() if is_alive(identity)]
    if left:
        say(f"An earlier run was killed and left {', '.join(name for name, _ in left)} behind; stopping what is left.")
    for name, identity in left:
        stop_stranger(identity, signal.SIGINT if name == "PostgreSQL" else signal.SIGTERM, patience=15.0)
    if memory.processes():
        memory.remember_processes([])
