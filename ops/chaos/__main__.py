"""Break everything once and print a line for each; exit 1 when one is wrong: `python -m ops.chaos [--quick]`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence

import django

from ops.chaos.report import HEAD, end, failed, line
from ops.local import debian, orphans
from ops.local.binaries import find_rabbitmq
from ops.local.console import Console
from ops.local.environment import PYTHONPATH
from ops.local.home import ROOT
from ops.local.servers import Servers
from ops.local.signals import Interrupted, StopRequests
from ops.local.testing import private_servers, temporary_home, without_servers
from ops.local.trouble import Trouble

VHOST = "chaos"
LOGS = ROOT / "build" / "chaos"
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.chaos", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the most telling scenarios, in less than five minutes")
    parser.add_argument("--only", action="append", metavar="WORD", help="scenarios with this word in their name")
    options = parser.parse_args(arguments)
    console = Console(sys.stderr, "chaos")
    stops = StopRequests()
    stops.install()
    orphans.adopt()
    try:
        return _on_private_servers(options, console, stops)
    except Trouble as trouble:
        console.say(str(trouble))
        return 1
    except Interrupted:
        return 130


def _on_private_servers(options: argparse.Namespace, console: Console, stops: StopRequests) -> int:
    if find_rabbitmq() is None and (why := debian.install(["rabbitmq-server"], say=console.say)):
        raise Trouble(f"Chaos needs a RabbitMQ to break: {why}.")
    with temporary_home() as home:
        servers = private_servers(home, environ=without_servers(os.environ), vhosts=[VHOST], say=console.say)
        try:
            servers.start()
            servers.wait_for_broker()
            os.environ.update(servers.urls, TRANSPORT="amqp", DJANGO_SETTINGS_MODULE="techrar.settings")
            os.environ["PYTHONPATH"] = PYTHONPATH
            django.setup()
            return _show(options, servers)
        finally:
            stops.raising = False
            servers.stop(fast=True)
            orphans.end_all()  # a web process that was killed leaves its workers behind


def _show(options: argparse.Namespace, servers: Servers) -> int:
    """Needs Django, and Django needs the servers' addresses: so it is imported now."""
    from ops.chaos import scenarios
    from ops.chaos.scenario import run
    from ops.chaos.world import world

    words = options.only or [""]
    chosen = [s for s in scenarios.SCENARIOS if (s.quick or not options.quick) and any(w in s.name for w in words)]
    began = time.monotonic()
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    out = Console(sys.stdout)
    out.write(HEAD + "\n")
    results = []
    with world(servers, LOGS, quick=options.quick) as made:
        for each in chosen:
            results.append(run(each, made))
            out.write(line(results[-1]) + "\n")
    out.write(end(results, seconds=time.monotonic() - began) + "\n")
    return 1 if any(failed(result, in_ci=IN_CI) for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
