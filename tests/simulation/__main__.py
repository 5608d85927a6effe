"""Run many histories, or one again: `python -m tests.simulation --seeds N [--from M] [--jobs J]` or `--seed N`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import django
from psycopg.conninfo import make_conninfo

from tests.simulation.many import many, say, server


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, metavar="N", help="replay this history and tell all that happens in it")
    what.add_argument("--seeds", type=int, metavar="N", help="so many histories")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="N", help="the first one's number")
    parser.add_argument("--jobs", type=int, default=2, help="processes, each with a database of its own")
    options = parser.parse_args()
    with databases(1 if options.seeds is None else options.jobs) as found:
        return replay(found[0], options.seed) if options.seeds is None else many(found, options.first, options.seeds)


@contextmanager
def databases(count: int) -> Iterator[list[str]]:
    """Migrated ones that nobody else uses, on the server that `DATABASE_URL` names; dropped afterwards."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "techrar.settings")
    django.setup()
    from django.db import connections
    from django.test.utils import setup_databases, teardown_databases

    made = setup_databases(verbosity=0, interactive=False, parallel=count)
    to = connections["default"].settings_dict
    login = {"host": to["HOST"], "port": to["PORT"], "user": to["USER"], "password": to["PASSWORD"]}
    names = [to["NAME"]] if count == 1 else [f"{to['NAME']}_{number + 1}" for number in range(count)]
    connections.close_all()
    try:
        yield [make_conninfo(**login, dbname=name) for name in names]
    finally:
        teardown_databases(made, verbosity=0, parallel=count)


def replay(dsn: str, seed: int) -> int:
    from tests.simulation.history import run

    result = run(server(dsn), seed)
    server(dsn).close()
    for moment, who, event in result.trace:
        say(f"{moment:10.4f}  {who:<14} {event}\n")
    return tell(result.seed, result.wrong)


def tell(seed: int, wrong: list[str]) -> int:
    for sentence in wrong:
        say(f"seed {seed}: {sentence}\n")
    if not wrong:
        say(f"seed {seed}: all well\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
