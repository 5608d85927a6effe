"""How is a child process started so that it cannot outlive us, recognised later, and stopped?"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ops.local.accounts import Account

LINUX = sys.platform.startswith("linux")
PR_SET_PDEATHSIG = 1
# Loaded before any fork: the child may not import or open libraries between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


@dataclass(frozen=True)
class Identity:
    """A process id alone is reused by the system; together with its start it names one process for ever."""

    pid: int
    started: str


def identify(pid: int) -> Identity | None:
    """The running process with that id; None when there is none (a zombie has ended, too)."""
    if not LINUX:
        state, _, started = _ps(pid, "stat=,lstart=").partition(" ")
        return Identity(pid, started.strip()) if state and "Z" not in state else None
    try:
        # The name in brackets may itself contain spaces and brackets: what follows the last one is regular.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else Identity(pid, fields[19])


def is_alive(identity: Identity) -> bool:
    return identify(identity.pid) == identity


def command_line(pid: int) -> str:
    """The words a process was started with; empty when it cannot be read."""
    if not LINUX:
        return _ps(pid, "command=")
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _ps(pid: int, columns: str) -> str:
    command = ["/bin/ps", "-o", columns, "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603


def prctl(option: int, value: int) -> None:
    if _libc is not None:
        _libc.prctl(option, value, 0, 0, 0)


def die_with(parent: int, number: int) -> Callable[[], None]:
    """What a child does between fork and exec so that the kernel signals it when that parent dies."""

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask_the_kernel


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    output: int | IO[bytes],
    cwd: Path | str = "/",
    account: Account | None = None,
    death_signal: int = signal.SIGTERM,
    input_: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own that the kernel signals when we die, even by SIGKILL.

    Call it from the main thread only: the kernel's promise is tied to the thread that forked.
    """
    identity = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603
        [str(part) for part in command],
        env=dict(env),
        cwd=str(cwd),
        stdin=input_,
        stdout=output,
        stderr=subprocess.STDOUT,
        process_group=0,
        preexec_fn=die_with(os.getpid(), death_signal),
        **identity,
    )


def signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        # macOS answers so for a group that holds only zombies.
        if LINUX:
            raise error from None


def stop(process: subprocess.Popen[bytes], number: int, *, patience: float) -> None:
    """Ask once, wait, then kill the whole group."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        pass
    finally:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()


def stop_stranger(identity: Identity, number: int, *, patience: float) -> None:
    """The same for a process that is not our child: one that an earlier run of ours left behind."""
    for attempt, wait in ((number, patience), (signal.SIGKILL, 5.0)):
        if not is_alive(identity):
            return
        try:
            os.kill(identity.pid, attempt)
        except ProcessLookupError:
            return
        until = time.monotonic() + wait
        while is_alive(identity) and time.monotonic() < until:
            time.sleep(0.05)
