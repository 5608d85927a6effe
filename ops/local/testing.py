"""Run a command, usually pytest, with servers of its own that nobody else uses and that end with it.

    python -m ops.local.testing [--workers N] [--with-chromium] -- pytest …

Servers named in the environment are left alone: tests empty what they find.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ops.local import debian, orphans, rabbitmq_files
from ops.local.binaries import find_rabbitmq
from ops.local.console import Console
from ops.local.environment import PYTHONPATH
from ops.local.home import Home, open_home
from ops.local.lock import only_one
from ops.local.memory import Memory
from ops.local.process import LINUX, die_with
from ops.local.servers import GIVEN, Servers
from ops.local.signals import Interrupted, StopRequests
from ops.local.trouble import Trouble

PREFIX = "techrar-test-"
# One that was just made may not have been locked yet.
YOUNG_SECONDS = 60
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def main(arguments: Sequence[str]) -> int:
    """The command's exit code; 1 with one sentence when its servers cannot be had."""
    options = _options(arguments)
    console = Console(sys.stderr, "tests")
    stops = StopRequests()
    stops.install()
    try:
        with temporary_home() as home:
            environ = without_servers(os.environ)
            environ |= _installed(options, console)
            return _run(options, home, environ, console, stops)
    except Trouble as trouble:
        console.say(str(trouble))
        return 1
    except Interrupted:
        return 130


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ops.local.testing", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="how many pytest workers get a vhost of their own")
    parser.add_argument("--with-chromium", action="store_true", help="install Chromium where it is missing")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


def without_servers(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in {*GIVEN, "TRANSPORT"}}


def _installed(options: argparse.Namespace, console: Console) -> dict[str, str]:
    """What tests need besides the wheels; where it cannot be had, tests/conftest.py says which ones did not run."""
    found = {}
    if find_rabbitmq() is None:
        found["NO_RABBITMQ_BECAUSE"] = debian.install(["rabbitmq-server"], say=console.say)
    if options.with_chromium:
        if _chromium() is None:
            found["NO_CHROMIUM_BECAUSE"] = debian.install(["chromium"], say=console.say)
        found["CHROMIUM"] = _chromium() or ""
    return {name: value for name, value in found.items() if value}


def _chromium() -> str | None:
    return next((path for name in CHROMIUM if (path := shutil.which(name))), None)


def _run(
    options: argparse.Namespace, home: Home, environ: dict[str, str], console: Console, stops: StopRequests
) -> int:
    vhosts = ["test", *(f"test_gw{number}" for number in range(options.workers))]
    servers = private_servers(home, environ=environ, vhosts=vhosts, say=console.say)
    try:
        servers.start()
        servers.wait_for_broker()
        if "AMQP_URL" not in servers.urls:
            environ.setdefault("NO_RABBITMQ_BECAUSE", servers.choice.reason)
        else:
            environ["TECHRAR_RABBITMQCTL"] = str(home.folder / "rabbitmq" / rabbitmq_files.CONTROL)
        environ |= {**servers.urls, "TEST_SERVERS": "private", "PYTHONPATH": PYTHONPATH}
        return _wait_for(options.command, environ, stops)
    finally:
        stops.raising = False
        servers.stop(fast=True)
        for left in orphans.end_all():
            console.say(f"The tests left a process behind, which was ended: {left}")


def private_servers(
    home: Home, *, environ: Mapping[str, str], vhosts: Sequence[str], say: Callable[[str], None]
) -> Servers:
    """Not started yet. They forget everything in a power cut, and are the faster for it."""
    return Servers(
        home, Memory(home.folder), environ=environ, durable=False, vhosts=vhosts, rng=random.SystemRandom(), say=say
    )


def _wait_for(command: Sequence[str], environ: Mapping[str, str], stops: StopRequests) -> int:
    """In our own process group, so that a debugger can use the terminal; Ctrl-C reaches it without us."""
    orphans.adopt()
    stops.raising = False
    process = subprocess.Popen(command, env=environ, preexec_fn=die_with(os.getpid(), signal.SIGTERM))  # noqa: S603
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    signal.signal(signal.SIGHUP, lambda *_: process.terminate())
    if stops.count:  # asked while the command was starting, when there was nobody yet to tell
        process.terminate()
    code = process.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def temporary_home() -> Iterator[Home]:
    """Two folders, since the servers' account may not reach the first; those of killed runs go, too."""
    places = [Path(tempfile.gettempdir()), Path("/var/tmp")]  # noqa: S108 - mkdtemp makes the names
    _sweep(places)
    folders = [Path(tempfile.mkdtemp(prefix=PREFIX, dir=place)) for place in places]
    with ExitStack() as stack:
        for folder in folders:
            stack.callback(shutil.rmtree, folder, ignore_errors=not LINUX)
        home = open_home(folders[0], other=folders[1])
        for folder in folders:
            stack.enter_context(only_one(folder, doing="a test run"))
        yield home


def _sweep(places: Sequence[Path]) -> None:
    for place in places:
        for folder in place.glob(f"{PREFIX}*"):
            found = folder.lstat()
            if found.st_uid != os.geteuid() or folder.is_symlink() or time.time() - found.st_mtime < YOUNG_SECONDS:
                continue
            try:
                with only_one(folder, doing="cleaning"):
                    shutil.rmtree(folder)
            except Trouble:
                continue  # in use by a run beside this one


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
