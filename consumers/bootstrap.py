"""What does every consumer process need before it works: path, settings, event loop, signals?"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parents[1]
Work = Callable[[asyncio.Event], Awaitable[None]]


def django() -> None:
    for folder in (ROOT, ROOT / "platform"):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "techrar.settings")
    import django

    django.setup()


def process_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def run(work: Work) -> None:
    """Run until SIGTERM or SIGINT; a second signal does not wait."""
    from techrar.core.files import many_files

    many_files()  # a thousand calls in flight are a thousand sockets
    rest_the_collector()
    uvloop.run(_until_stopped(work))


def rest_the_collector() -> None:
    """What was loaded stays, and what a delivery makes ends without cycles: look for garbage seldom, in what is new."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _until_stopped(work: Work) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    await work(stop)
