"""Can a missing program be had from Debian's packages, without starting a service of the system?"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence

# Debian starts the services of what it installs unless this file says no. One that exists stays as it is.
SCRIPT = """
set -u
export DEBIAN_FRONTEND=noninteractive
policy=$1
shift
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\\nexit 101\\n' > "$policy" && chmod 755 "$policy"
fi
apt-get install -q -y --no-install-recommends "$@" ||
    { apt-get update -q && apt-get install -q -y --no-install-recommends "$@"; }
"""
POLICY = "/usr/sbin/policy-rc.d"
LAST_WORDS = 300


def install(packages: Sequence[str], *, say: Callable[[str], None], minutes: float = 10) -> str:
    """Install them; returns why that was not possible, or nothing when it was."""
    names = " ".join(packages)
    if not shutil.which("apt-get"):
        return f"{names} is not installed, and this system has no apt-get to install it with"
    become = _become_root()
    if become is None:
        return f"{names} is not installed, and installing it takes root: `sudo apt-get install {names}`"
    say(f"Installing Debian's {names} (no service of the system is started by that).")
    try:
        done = subprocess.run(  # noqa: S603
            [*become, "/bin/sh", "-c", SCRIPT, "sh", POLICY, *packages],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=minutes * 60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"installing {names} took more than {minutes:.0f} minutes"
    return "" if done.returncode == 0 else f"apt-get could not install {names}: {done.stdout.strip()[-LAST_WORDS:]}"


def _become_root() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:  # noqa: S603
        return [sudo, "-n"]
    return None
