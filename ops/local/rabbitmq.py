"""How is a private RabbitMQ started from the system's binaries, sharing nothing with one that may run already?"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ops.local import ports
from ops.local.binaries import find_epmd
from ops.local.home import Home, own_folder
from ops.local.memory import Memory, write_private
from ops.local.process import spawn, stop
from ops.local.server import Server
from ops.local.trouble import Trouble

NAME = "RabbitMQ"
USER = "techrar"
NODE = "techrar@localhost"


def prepare(
    home: Home,
    memory: Memory,
    *,
    scripts: Path,
    vhosts: Sequence[str] = ("techrar",),
    rng: random.Random,
    say: Callable[[str], None],
) -> Server:
    """A server ready to be started; its URL names the first of the vhosts."""
    folder = own_folder(home.folder / "rabbitmq", 0o700, None)
    epmd = find_epmd()
    if epmd is None:
        raise Trouble(
            "RabbitMQ needs Erlang's `epmd`, which was not found: install Erlang completely, or set AMQP_URL."
        )
    amqp, distribution, names = (
        ports.choose(name, memory=memory, rng=rng, say=say)
        for name in (NAME, f"{NAME} (distribution)", f"{NAME} (names)")
    )
    log = home.log / "rabbitmq.log"
    password = memory.password(NAME)
    environment = _configure(
        folder, amqp=amqp, distribution=distribution, names=names, password=password, vhosts=vhosts
    )
    helpers: list[subprocess.Popen[bytes]] = []

    def launch() -> subprocess.Popen[bytes]:
        while helpers:
            stop(helpers.pop(), signal.SIGTERM, patience=2.0)
        with log.open("wb") as output:
            # Erlang would start a name server of its own, on all interfaces, and leave it behind.
            command = [str(epmd), "-address", ports.LOOPBACK, "-port", str(names)]
            helpers.append(spawn(command, env=environment, output=output))
            _wait_for_port(names)
            return spawn([scripts / "rabbitmq-server"], env=environment, output=output, cwd=folder)

    return Server(
        name=NAME,
        url=f"amqp://{USER}:{password}@{ports.LOOPBACK}:{amqp}/{vhosts[0]}",
        log=log,
        launch=launch,
        answers=lambda: _answers(amqp),
        patience=25.0,
        helpers=helpers,
    )


def _configure(
    folder: Path, *, amqp: int, distribution: int, names: int, password: str, vhosts: Sequence[str]
) -> dict[str, str]:
    """Write our own configuration; returns an environment that keeps the system's out of it."""
    log = own_folder(folder / "log", 0o700, None)
    write_private(folder / "rabbitmq.conf", "\n".join((
        f"listeners.tcp.local = {ports.LOOPBACK}:{amqp}",
        f"load_definitions = {folder / 'definitions.json'}",
        "log.console = false",
        "log.file = rabbit.log",
        "log.file.level = warning",
        "disk_free_limit.absolute = 50MB",
    )) + "\n")  # fmt: skip
    write_private(folder / "definitions.json", json.dumps(_definitions(password, vhosts)))
    write_private(folder / "enabled_plugins", "[].\n")
    write_private(folder / "rabbitmq-env.conf", "")
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(folder),  # Erlang keeps its cookie there
        "RABBITMQ_NODENAME": NODE,
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(log),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": ports.LOOPBACK,
    }


def _definitions(password: str, vhosts: Sequence[str]) -> dict[str, object]:
    """The user and vhosts the server has from its first moment; with these it makes no guest/guest."""
    salt = secrets.token_bytes(4)
    digest = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    return {
        "users": [
            {
                "name": USER,
                "password_hash": digest,
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator",
            }
        ],
        "vhosts": [{"name": name} for name in vhosts],
        "permissions": [
            {"user": USER, "vhost": name, "configure": ".*", "write": ".*", "read": ".*"} for name in vhosts
        ],
    }


def forget(home: Home) -> None:
    """Throw away what RabbitMQ has stored: the ledger sends everything again."""
    shutil.rmtree(home.folder / "rabbitmq", ignore_errors=True)


def _wait_for_port(port: int, seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            socket.create_connection((ports.LOOPBACK, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise Trouble(f"Erlang's name server did not answer on port {port} within {seconds:.0f} s.")


def _answers(port: int) -> bool:
    """It greets a client of its protocol with Connection.Start."""
    try:
        with socket.create_connection((ports.LOOPBACK, port), timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False
