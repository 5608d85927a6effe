from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from ops.local import rabbitmq
from ops.local.binaries import find_rabbitmq
from ops.local.home import Home
from ops.local.memory import Memory
from ops.local.process import LINUX, is_alive
from ops.local.server import Server
from ops.local.servers import Servers

LOOPBACK = "0100007F"
LOOPBACK_6 = "00000000000000000000000001000000"
pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow]


@pytest.fixture
def server(home: Home, memory: Memory, said: list[str]) -> Iterator[Server]:
    scripts = find_rabbitmq()
    if scripts is None:
        pytest.skip("AMQP_URL names a server, but no RabbitMQ is installed here to start another")
    server = rabbitmq.prepare(
        home, memory, scripts=scripts, vhosts=["one", "two"], rng=random.Random(), say=said.append
    )
    server.start()
    yield server
    server.ask_to_stop(fast=True)
    server.finish_stopping()


def test_it_is_private_and_complete(server: Server, home: Home, memory: Memory) -> None:
    server.wait_until_it_answers(60)
    for vhost in ("one", "two"):
        parameters = pika.URLParameters(server.url.removesuffix("one") + vhost)
        with pika.BlockingConnection(parameters) as connection:
            connection.channel().queue_declare("q", durable=True)
    guest = server.url.replace(f"techrar:{memory.password(rabbitmq.NAME)}", "guest:guest")
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(guest))
    control = home.folder / "rabbitmq" / rabbitmq.CONTROL
    listed = subprocess.run([control, "-q", "list_queues", "-p", "two"], capture_output=True, text=True, check=True)
    assert "q" in listed.stdout.split()
    assert (home.folder / "rabbitmq" / ".erlang.cookie").stat().st_mode & 0o077 == 0

    running = server.identities()
    assert len(running) == 2  # the server and Erlang's name server
    if LINUX:
        listened = [addresses(memory.port(f"{rabbitmq.NAME}{use}")) for use in ("", " (distribution)", " (names)")]
        assert listened[:2] == [{LOOPBACK}, {LOOPBACK}]
        assert listened[2] <= {LOOPBACK, LOOPBACK_6}
    server.ask_to_stop(fast=False)
    server.finish_stopping()
    assert not any(is_alive(identity) for _, identity in running)


def addresses(port: int | None) -> set[str]:
    """Where somebody listens on that port, as the kernel writes it."""
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    listening = [fields[1].split(":") for fields in rows if fields[3] == "0A"]
    return {address for address, number in listening if int(number, 16) == port}


def test_what_it_has_stored_may_be_broken_without_harm(home: Home, memory: Memory, said: list[str]) -> None:
    folder = home.folder / "rabbitmq"
    folder.mkdir(mode=0o700)
    (folder / "mnesia").write_text("not a folder")
    environ = {"DATABASE_URL": "postgresql:///", "REDIS_URL": "redis:///"}
    servers = Servers(home, memory, environ=environ, durable=True, rng=random.Random(), say=said.append)
    try:
        servers.start()
        servers.wait_for_broker()
        assert servers.choice.transport == "amqp"
        with pika.BlockingConnection(pika.URLParameters(servers.urls["AMQP_URL"])) as connection:
            assert connection.is_open
    finally:
        servers.stop(fast=True)
    assert "Trying once more with an empty folder" in said[0]
