"""How is a private RabbitMQ started from the system's binaries, sharing nothing with one that may run already?"""

from __future__ import annotations

import random
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
from ops.local.rabbitmq_files import CONTROL, USER, configure, control_script
from ops.local.server import Server
from ops.local.trouble import Trouble

NAME = "RabbitMQ"


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
    environment = configure(folder, amqp=amqp, distribution=distribution, names=names, password=password, vhosts=vhosts)
    write_private(folder / CONTROL, control_script(scripts, environment))
    (folder / CONTROL).chmod(0o700)
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


def forget(home: Home) -> None:
    """Throw away what RabbitMQ has stored: the ledger sends everything again."""
    shutil.rmtree(home.folder / "rabbitmq")


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
