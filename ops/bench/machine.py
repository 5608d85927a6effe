"""What machine is this, so that numbers of two machines can be compared?"""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

#: Rounds a second that one core of the machine behind the floor's limits makes when it is left alone.
REFERENCE = 30_000_000.0


def calibrate(seconds: float = 0.4) -> float:
    """Rounds of a small loop that one core does each second: best of three, since others may be working."""
    return max(_rounds(seconds) for _ in range(3))


def speed() -> float:
    """This machine beside the one that the floor's limits were measured on."""
    return calibrate() / REFERENCE


def describe() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_name(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _rounds(seconds: float) -> float:
    done, began = 0, time.perf_counter()
    spent = time.thread_time()
    while time.perf_counter() - began < seconds:
        total = 0
        for n in range(10_000):
            total += n & 7
        done += 10_000
    return done / (time.thread_time() - spent)


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
