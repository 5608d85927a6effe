"""How is a private Valkey started? It holds only what may be lost: limits, caches, live views."""

from __future__ import annotations

import os
import random
import socket
import subprocess
from collections.abc import Callable

from ops.local import ports
from ops.local.binaries import find_valkey
from ops.local.home import Home, own_folder
from ops.local.memory import Memory, write_private
from ops.local.process import spawn
from ops.local.server import Server

NAME = "Valkey"


def prepare(home: Home, memory: Memory, *, rng: random.Random, say: Callable[[str], None]) -> Server:
    folder = own_folder(home.folder / "valkey", 0o700, None)
    binary = find_valkey()
    port = ports.choose(NAME, memory=memory, rng=rng, say=say)
    password = memory.password(NAME)
    log = home.log / "valkey.log"
    configuration = folder / "valkey.conf"
    lines = (
        f"bind {ports.LOOPBACK}",
        f"port {port}",
        f"requirepass {password}",
        'save ""',
        "appendonly no",
        "databases 64",
        "daemonize no",
    )
    write_private(configuration, "\n".join(lines) + "\n")

    def launch() -> subprocess.Popen[bytes]:
        with log.open("wb") as output:
            return spawn([binary, configuration], env={"PATH": os.defpath, "LC_ALL": "C"}, output=output, cwd=folder)

    return Server(
        name=NAME,
        url=f"redis://:{password}@{ports.LOOPBACK}:{port}/0",
        log=log,
        launch=launch,
        answers=lambda: _answers(port, password),
    )


def _answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection((ports.LOOPBACK, port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while b"PONG" not in answer:
                part = connection.recv(1000)
                if not part or b"-" in part[:1]:
                    return False
                answer += part
            return True
    except OSError:
        return False
