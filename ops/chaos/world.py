"""Everything a scenario can touch: private servers, the service's processes, sink, campaign, urgent stream."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

from django.core.management import call_command

from ops.chaos.campaign import Campaign
from ops.chaos.cast import Cast, commands
from ops.chaos.eyes import Eyes
from ops.chaos.merchant import make_merchant
from ops.chaos.processes import Process
from ops.chaos.providers import SINK
from ops.chaos.sink_log import SinkLog, set_fault
from ops.chaos.urgent import Urgent
from ops.local.server import Server
from ops.local.servers import Servers
from techrar.core.database import dsn

#: Until everything that was on its way has arrived.
SETTLE_SECONDS = 0.5


class World:
    """Made by `world()`; a scenario breaks it and mends it again."""

    def __init__(self, servers: Servers, folder: Path, *, quick: bool) -> None:
        self.servers, self.quick = servers, quick
        self.sink_port, self.web_port = free_port(), free_port()
        self.sink_url = f"http://127.0.0.1:{self.sink_port}"
        os.environ[SINK] = self.sink_url
        self.eyes = Eyes(dsn())
        self.sink_process = _sink(self.sink_port, folder)
        self.log = SinkLog(folder / "sink.calls")
        self.cast = Cast(commands(self.web_port), eyes=self.eyes, logs=folder)
        asker = make_merchant()
        self.campaign = Campaign(
            dsn(), merchant_id=asker.merchant_id, taken=lambda: self.log.bulk_seen - self.seen_before
        )
        self.urgent = Urgent(self.web_port, asker.key)
        self.stranded: set[UUID] = set()
        self.cut_off: Counter[UUID] = Counter()  #: whose answer the network swallowed
        self.seen_before = 0
        self.until_the_next = ExitStack()  #: what a scenario leaves open until everything is at rest

    def begin(self) -> None:
        """From here on it is another scenario's."""
        self.until_the_next.close()
        self.look()
        self.campaign.accepted, self.urgent.accepted, self.urgent.refusals = {}, {}, 0
        self.stranded, self.cast.fell = set(), []
        self.cast.expected, self.cast.hurry = lambda _name: False, False
        self.seen_before = self.log.bulk_seen

    def start(self) -> None:
        self.sink_process.start()
        wait_for_port(self.sink_port)
        self.cast.start()
        wait_for_port(self.web_port)

    def close(self) -> None:
        self.until_the_next.close()
        self.cast.end()
        self.sink_process.running.kill()
        self.sink_process.running.wait(10)
        self.eyes.close()

    def look(self) -> None:
        """What a supervisor and an observer do all the time."""
        self.log.read()
        self.cast.revive()
        self.stranded |= self.eyes.overdue()

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Watch until it holds; False when it did not in that time."""
        until = time.monotonic() + seconds
        while True:
            self.look()
            if condition():
                return True
            if time.monotonic() > until:
                return False
            time.sleep(0.2)

    def watch(self, seconds: float) -> None:
        """Let time pass with open eyes."""
        self.wait(lambda: False, seconds)

    def vendors(self, fault: str, *, seconds: float, share: float = 1.0) -> None:
        """The vendors fail for a while, but for the urgent ones."""
        set_fault(self.sink_port, fault, seconds=seconds, share=share)
        self.watch(seconds)

    def calling(self, *names: str) -> Counter[UUID]:
        """What these are calling now; answers must be held back already, so that it is the same in a moment."""
        time.sleep(SETTLE_SECONDS)
        pids = [self.cast.processes[name].running.pid for name in names]
        return sum((self.eyes.cut_short(pid) for pid in pids), Counter())

    def server(self, name: str) -> Server:
        return next(server for server in self.servers.running if server.name == name)

    def broker_tool(self, *words: str) -> None:
        """`rabbitmqctl`, for the private server."""
        tool = self.servers.home.folder / "rabbitmq" / "rabbitmqctl"
        subprocess.run([tool, *words], check=True, stdout=subprocess.DEVNULL, timeout=60)  # noqa: S603


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for_port(port: int, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def _sink(port: int, folder: Path) -> Process:
    log = folder / "sink.calls"
    log.touch()
    return Process("-m", "ops.chaos.sink", "--port", str(port), "--log", str(log), log=folder / "sink.log")


@contextmanager
def world(servers: Servers, folder: Path, *, quick: bool) -> Iterator[World]:
    """Schema, queues, merchant and processes on servers that run."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("topology", verbosity=0)
    made = World(servers, folder, quick=quick)
    try:
        made.start()
        yield made
    finally:
        made.close()
