"""Which servers does a command need, which of them are given, and which do we run ourselves?"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from ops.local import postgres, rabbitmq, valkey
from ops.local.binaries import find_rabbitmq
from ops.local.home import Home
from ops.local.memory import Memory
from ops.local.process import Identity
from ops.local.server import Server
from ops.local.trouble import Trouble

GIVEN = {"DATABASE_URL": ("PostgreSQL", 5432), "REDIS_URL": ("Valkey", 6379), "AMQP_URL": ("RabbitMQ", 5672)}
BOOT_SECONDS = 60.0


@dataclass(frozen=True)
class Choice:
    """How deliveries will reach the consumers, and why so; `scripts` when it takes a RabbitMQ of ours."""

    transport: str
    reason: str
    scripts: Path | None = None


def choose_transport(environ: Mapping[str, str], scripts: Path | None) -> Choice:
    forced = environ.get("TRANSPORT", "").lower()
    if forced not in {"", "ledger", "amqp"}:
        raise Trouble(f"TRANSPORT must be `ledger` or `amqp`, not {forced!r}.")
    if forced == "ledger":
        return Choice("ledger", "TRANSPORT=ledger asks for it")
    if environ.get("AMQP_URL"):
        return Choice("amqp", "AMQP_URL names a RabbitMQ")
    if scripts:
        return Choice("amqp", f"RabbitMQ is installed here, in {scripts.parent}", scripts)
    if forced == "amqp":
        raise Trouble(
            "TRANSPORT=amqp needs RabbitMQ: install it (Debian and Ubuntu: `apt-get install rabbitmq-server`) "
            "or set AMQP_URL."
        )
    return Choice("ledger", "no RabbitMQ is installed here, so deliveries are taken straight from the database")


class Servers:
    """PostgreSQL and Valkey must answer before anything else; RabbitMQ boots meanwhile."""

    def __init__(
        self,
        home: Home,
        memory: Memory,
        *,
        environ: Mapping[str, str],
        durable: bool,
        vhosts: Sequence[str] = ("techrar",),
        rng: random.Random,
        say: Callable[[str], None],
    ) -> None:
        self.home = home
        self.memory = memory
        self.environ = environ
        self.durable = durable
        self.vhosts = vhosts
        self.rng = rng
        self.say = say
        self.choice = choose_transport(environ, find_rabbitmq())
        self.running: list[Server] = []
        self.urls = {name: environ[name] for name in GIVEN if environ.get(name)}
        self._broker: Server | None = None

    def start(self) -> None:
        for name, url in self.urls.items():
            check_given(name, url)
        if self.choice.scripts:
            self._start_broker(self.choice.scripts)
        if "REDIS_URL" not in self.urls:
            self._start("REDIS_URL", valkey.prepare(self.home, self.memory, rng=self.rng, say=self.say))
        if "DATABASE_URL" not in self.urls:
            server = postgres.prepare(self.home, self.memory, durable=self.durable, rng=self.rng, say=self.say)
            self._start("DATABASE_URL", server)
        for server in self.running:
            if server is not self._broker:
                server.wait_until_it_answers(BOOT_SECONDS)

    def wait_for_broker(self) -> None:
        """What RabbitMQ stores may be lost at any time (law 1): when it cannot use its folder, it gets an empty one."""
        if self._broker is None or self.choice.scripts is None:
            return
        try:
            try:
                self._broker.wait_until_it_answers(BOOT_SECONDS)
            except Trouble as first:
                self.say(f"{first} Trying once more with an empty folder; nothing is lost by that.")
                self._drop_broker()
                rabbitmq.forget(self.home)
                self._start_broker(self.choice.scripts)
                self._broker.wait_until_it_answers(BOOT_SECONDS)
        except Trouble as trouble:
            self._drop_broker()
            if self.environ.get("TRANSPORT"):
                raise
            self.choice = replace(self.choice, transport="ledger", reason=str(trouble), scripts=None)

    def environment(self) -> dict[str, str]:
        """What the service's own processes are started with."""
        return {**self.urls, "TRANSPORT": self.choice.transport}

    def revive(self, now: float) -> None:
        for server in self.running:
            wait = server.revive(now)
            if wait is not None:
                self.say(f"{server.name} has stopped unexpectedly; it is started again in {wait:.0f} s.")

    def identities(self) -> list[tuple[str, Identity]]:
        return [entry for server in self.running for entry in server.identities()]

    def stop(self, *, fast: bool = False, hurry: Callable[[], bool] = lambda: False) -> None:
        """All at once; PostgreSQL's end is what matters, and it was asked for it first."""
        for server in reversed(self.running):
            server.ask_to_stop(fast=fast)
        for server in self.running:
            server.finish_stopping(hurry)
        self.running.clear()

    def _start(self, name: str, server: Server) -> None:
        self.urls[name] = server.url
        self.running.append(server)
        server.start()

    def _start_broker(self, scripts: Path) -> None:
        self._broker = rabbitmq.prepare(
            self.home, self.memory, scripts=scripts, vhosts=self.vhosts, rng=self.rng, say=self.say
        )
        self._start("AMQP_URL", self._broker)

    def _drop_broker(self) -> None:
        if self._broker is not None:
            self._broker.ask_to_stop(fast=True)
            self._broker.finish_stopping()
            self.running.remove(self._broker)
            self._broker = None
            del self.urls["AMQP_URL"]


def check_given(name: str, url: str) -> None:
    """A server that was named must answer: its own sentence is better than a migration's stack trace."""
    what, usual_port = GIVEN[name]
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or usual_port
    except ValueError as error:
        raise Trouble(f"{name} is not a URL: {error}.") from None
    if not parts.scheme:
        raise Trouble(
            f"{name} must be a URL, such as {parts.scheme or what.lower()}://user:password@host:{usual_port}/name."
        )
    if not host:  # a Unix socket
        return
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        raise Trouble(
            f"{name} names {host}:{port}, where no {what} answers ({error.strerror or error}): "
            f"start it, or unset {name} to get a private one."
        ) from None
