"""The server of sockets and pages, as an operator starts it, on the test's database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.bench import processes
from ops.bench.stage import free_port
from ops.local.ports import LOOPBACK


@contextmanager
def daphne(folder: Path) -> Iterator[str]:
    """Its address."""
    port = free_port()
    with processes.running({"live": processes.live(port)}, folder):
        processes.wait_for_web(port)
        yield f"http://{LOOPBACK}:{port}"
