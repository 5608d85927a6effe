"""How are many histories played at once? In processes, each with a database of its own."""

from __future__ import annotations

import logging
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from tests.simulation.server import Server

CHUNK = 50


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


@cache
def server(dsn: str) -> Server:
    """Each process's own."""
    logging.disable(logging.CRITICAL)
    django.setup()
    from tests.simulation.server import prepared
    from tests.simulation.world import BEGINNING

    return prepared(dsn, now=BEGINNING)


def part(dsn: str, seeds: range) -> list[tuple[int, list[str]]]:
    ours = server(dsn)  # before the import: it makes Django ready
    from tests.simulation.history import run

    return [(seed, result.wrong) for seed in seeds if (result := run(ours, seed)).wrong]


def many(dsns: list[str], first: int, count: int) -> int:
    """Each process has one database and takes part after part of its share."""
    started, bad, done = time.monotonic(), 0, 0
    pools = [(ProcessPoolExecutor(1, mp_context=get_context("spawn")), dsn) for dsn in dsns]
    parts = [range(start, min(start + CHUNK, first + count)) for start in range(first, first + count, CHUNK)]
    futures = {}
    for number, seeds in enumerate(parts):
        pool, dsn = pools[number % len(pools)]
        futures[pool.submit(part, dsn, seeds)] = seeds
    for future in as_completed(futures):
        done += len(futures[future])
        for seed, wrong in future.result():
            bad += 1
            say(f"\nseed {seed}: {'; '.join(wrong)[:300]}\n")
        rate = done / (time.monotonic() - started) * 60
        say(f"\r{done} of {count} histories, {bad} of them went wrong, {rate:.0f} a minute ")
    say("\n")
    for pool, _ in pools:
        pool.shutdown()
    return 1 if bad else 0
