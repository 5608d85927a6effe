"""What does `manage.py up` do: servers, schema, demo merchant, processes, and a line to paste?"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from ops.local import environment, ports
from ops.local.commands import COMMANDER, Commands
from ops.local.console import Console
from ops.local.greeting import Demo, greeting
from ops.local.home import LOCAL, ROOT, Home, open_home
from ops.local.lock import only_one, stop_leftovers
from ops.local.memory import Memory
from ops.local.servers import Servers
from ops.local.signals import Interrupted, StopRequests
from ops.local.supervisor import Program, Supervisor
from ops.local.trouble import Trouble

MANAGE = (sys.executable, str(ROOT / "manage.py"))


def service_programs(port: int) -> list[Program]:
    daphne = (sys.executable, "-m", "daphne", "-b", ports.LOOPBACK, "-p", str(port), "techrar.asgi:application")
    consumers = (sys.executable, "-m", "consumers")
    return [
        Program("web", daphne, rank=1, patience=10.0),
        Program("dispatcher", (*MANAGE, "dispatch", "--skip-checks"), rank=2, patience=15.0),
        Program("deliver urgent", (*consumers, "deliver", "--lane", "urgent"), rank=3, patience=30.0),
        Program("deliver bulk", (*consumers, "deliver", "--lane", "bulk"), rank=3, patience=30.0),
        Program("receipts", (*consumers, "receipts"), rank=3, patience=30.0),
    ]


def main(
    arguments: Sequence[str],
    *,
    folder: Path = LOCAL,
    programs: Callable[[int], list[Program]] = service_programs,
    commander: Sequence[str] = COMMANDER,
) -> int:
    """The exit code: 0 after an orderly stop, 1 with one sentence when something is in the way.

    Tests give stand-ins for the service's own parts.
    """
    console = Console(sys.stdout)
    stops = StopRequests()
    stops.install()
    try:
        if arguments:
            raise Trouble(
                f"`manage.py up` takes no arguments, but got {' '.join(arguments)}: "
                "PORT and TRANSPORT are set in the environment."
            )
        home = open_home(folder)
        with only_one(home.folder, doing="`make up`"):
            Run(home, console, stops, os.environ, programs=programs, commander=commander).run()
    except Trouble as trouble:
        console.say(str(trouble))
        return 1
    except Interrupted:
        console.say("Stopped before everything was up.")
    return 0


class Run:
    """One run of everything, from the first server to the last."""

    def __init__(
        self,
        home: Home,
        console: Console,
        stops: StopRequests,
        environ: Mapping[str, str],
        *,
        programs: Callable[[int], list[Program]],
        commander: Sequence[str],
    ) -> None:
        self.began = time.monotonic()
        self.home = home
        self.console = console
        self.stops = stops
        self.environ = environ
        self.programs = programs
        self.commander = commander
        self.port = environment.web_port(environ)
        self.memory = Memory(home.folder)
        self.servers = Servers(
            home, self.memory, environ=environ, durable=True, rng=random.SystemRandom(), say=console.say
        )

    def run(self) -> None:
        stop_leftovers(self.memory, self.console.say)
        if not ports.is_free(self.port):
            raise Trouble(
                f"Port {self.port} is taken by another program: stop that one, "
                f"or choose another with `make up PORT={self.port + 1}`."
            )
        try:
            demo = self._prepare()
            env = self._environment()
            environment.publish(self.home.folder, env)
            supervisor = Supervisor(
                self.programs(self.port),
                env=env, cwd=ROOT, console=self.console, stops=self.stops, servers=self.servers,
            )  # fmt: skip
            supervisor.run(is_ready=self._web_answers, when_ready=lambda: self._greet(demo))
        finally:
            self.stops.raising = False
            environment.withdraw(self.home.folder)
            self.servers.stop(hurry=lambda: self.stops.count > 1)
            self.memory.remember_processes([])
        self.console.say("Everything is stopped; the data is kept.")

    def _prepare(self) -> Demo:
        """Everything that must be there before the service's processes start. RabbitMQ boots meanwhile."""
        self.servers.start()
        self.memory.remember_processes(self.servers.identities())
        with Commands(self.console, self._environment(), commander=self.commander) as commands:
            commands.run("migrate", "--noinput", "--verbosity=0")
            demo = self._demo(commands)
            self.servers.wait_for_broker()
            if self.servers.choice.transport == "amqp":
                commands.run("topology")
        return demo

    def _environment(self) -> dict[str, str]:
        return environment.for_service(
            self.environ, servers=self.servers.environment(), port=self.port, memory=self.memory
        )

    def _demo(self, commands: Commands) -> Demo:
        """The demo merchant, with a key that opens its door: the one of last time, or a new one."""
        file, database = self.home.folder / "demo.json", self.servers.urls["DATABASE_URL"]
        demo = Demo.parse(commands.run("demo", "--json")).completed(file, database)
        return (
            demo if demo.api_key else Demo.parse(commands.run("demo", "--json", "--new-key")).completed(file, database)
        )

    def _web_answers(self) -> bool:
        connection = HTTPConnection(ports.LOOPBACK, self.port, timeout=1)
        try:
            connection.request("GET", "/livez")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _greet(self, demo: Demo) -> None:
        choice = self.servers.choice
        where = "the server DATABASE_URL names"
        if not self.environ.get("DATABASE_URL"):
            where = f"{self.home.shared} (kept until `make clean`)"
        self.console.write(
            greeting(
                port=self.port,
                demo=demo,
                transport=choice.transport,
                reason=choice.reason,
                data=where,
                seconds=time.monotonic() - self.began,
            )
        )
