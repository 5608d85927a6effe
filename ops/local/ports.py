"""Which port does a server listen on, today and next time?"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable

from ops.local.memory import Memory
from ops.local.trouble import Trouble

LOOPBACK = "127.0.0.1"
# Below every system's range for outgoing connections, which would otherwise sit on a remembered port now and then.
RANGE = range(15000, 30000)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a closing connection of the last run must not look like a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def choose(name: str, *, memory: Memory, rng: random.Random, say: Callable[[str], None]) -> int:
    """The port of last time; another one, with a sentence, when something else took it meanwhile."""
    before = memory.port(name)
    if before is not None and is_free(before):
        return before
    for port in rng.sample(RANGE, 200):
        if is_free(port):
            break
    else:
        raise Trouble(f"No free port for {name} between {RANGE.start} and {RANGE.stop} on {LOOPBACK}.")
    if before is not None:
        say(f"Port {before}, where {name} listened last time, is taken by another program; {name} moves to {port}.")
    memory.remember_port(name, port)
    return port
