"""Under which account do the servers run, and what can that account reach?"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.local.trouble import Trouble

CANDIDATES = ("nobody", "postgres", "daemon")


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """PostgreSQL refuses to run as root; None means that the current user is fine."""
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise Trouble("PostgreSQL cannot run as root and no unprivileged account exists: run this as an ordinary user.")


def run_as(
    account: Account | None, command: Sequence[str | Path], *, text: str = "", timeout: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """Run a short command as that account, with nothing of ours in its environment; 126 and 127 as a shell has them."""
    identity = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    words = [str(part) for part in command]
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    try:
        return subprocess.run(  # type: ignore[call-overload,no-any-return]  # noqa: S603
            words, input=text, capture_output=True, text=True, errors="replace", cwd="/", env=environment,
            timeout=timeout, check=False, **identity,
        )  # fmt: skip
    except FileNotFoundError:
        return subprocess.CompletedProcess(words, 127, "", f"{words[0]}: not found")
    except PermissionError as error:
        # Python names the program when it could not be run, and the folder when the account could not be taken.
        if account is not None and error.filename != words[0]:
            raise Trouble(
                f"This system does not let root become {account.name} ({error.strerror}): run this as an ordinary user."
            ) from None
        return subprocess.CompletedProcess(words, 126, "", f"{words[0]}: permission denied")


def can_enter(account: Account | None, folder: Path) -> bool:
    """Asked of the system itself, so that access lists and mount options count, too."""
    return run_as(account, ["/bin/sh", "-c", 'cd "$1"', "sh", folder], timeout=20).returncode == 0
