"""What did each process cost: CPU seconds and memory, of itself and of all it started?"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
#: What a server is called here, by a word of its command line.
SERVERS = {"postgres": "PostgreSQL", "rabbitmq": "RabbitMQ", "valkey": "Valkey", "redis": "Valkey"}


@dataclass(frozen=True, slots=True)
class Stat:
    parent: int
    seconds: float  #: its own and those of children that have ended
    resident: float  #: megabytes


def snapshot() -> dict[int, Stat]:
    """Every process there is."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (stat := _stat(folder)):
            found[int(folder.name)] = stat
    return found


def servers() -> dict[str, int]:
    """The servers that were started for this run: the other children of who started us."""
    mine = {pid: stat for pid, stat in snapshot().items() if stat.parent == os.getppid()}
    named = {}
    for pid in mine:
        words = _command(pid)
        named.update({name: pid for word, name in SERVERS.items() if word in words})
    return named


def seconds(roots: dict[str, int]) -> dict[str, float]:
    """CPU seconds used so far by each of these processes and its descendants."""
    stats = snapshot()
    children: dict[int, list[int]] = defaultdict(list)
    for pid, stat in stats.items():
        children[stat.parent].append(pid)
    return {name: sum(stats[p].seconds for p in _tree(pid, children) if p in stats) for name, pid in roots.items()}


def resident(pid: int) -> float:
    """Megabytes of memory a process has for itself."""
    stat = _stat(Path(f"/proc/{pid}"))
    return stat.resident if stat else 0.0


class MemoryWatch(threading.Thread):
    """The highest and the early memory of processes, looked at twice a second until `close`."""

    def __init__(self, pids: dict[str, int]) -> None:
        super().__init__(daemon=True)
        self.pids = pids
        self.samples: dict[str, list[float]] = {name: [] for name in pids}
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._over.wait(0.5):
            for name, pid in self.pids.items():
                self.samples[name].append(resident(pid))

    def close(self) -> dict[str, list[float]]:
        self._over.set()
        self.join()
        return self.samples


def _tree(pid: int, children: dict[int, list[int]]) -> list[int]:
    found = [pid]
    for one in found:
        found += children[one]
    return found


def _stat(folder: Path) -> Stat | None:
    try:
        fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return Stat(int(fields[1]), sum(map(int, fields[11:15])) / TICKS, int(fields[21]) * PAGE / 1e6)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
