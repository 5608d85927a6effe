"""How many sockets may this process hold?"""

from __future__ import annotations

import resource


def many_files() -> None:
    """As many as the system lets it: many start a process with room for 1 024 files, and each socket is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
