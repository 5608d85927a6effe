"""Stands in for Django's commands: counts migrations in the database, tells the demo key once."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from ops.local.commander import MARK


def count(*, one_more: bool = False) -> int:
    """How often this database was migrated. An ordinary user's Python may have no driver to ask it with."""
    if os.environ.get("STAND_IN_WITHOUT_PSYCOPG"):
        return 1
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        if one_more:
            connection.execute("CREATE TABLE IF NOT EXISTS stand_in (at timestamptz DEFAULT now())")
            connection.execute("INSERT INTO stand_in DEFAULT VALUES")
        row = connection.execute("SELECT count(*) FROM stand_in").fetchone()
        assert row
        return int(row[0])


def migrate() -> str:
    return f"migrated {count(one_more=True)} times"


def demo() -> str:
    key = "trk_test_stand_in" if count() == 1 else None
    return json.dumps({"login": f"migrated {count()} times", "password": "word", "api_key": key})


COMMANDS: dict[str, Callable[[], str]] = {"migrate": migrate, "demo": demo}


def main() -> None:
    fails = os.environ.get("STAND_IN_FAILS")
    if fails == "import":
        sys.exit("No module named something")
    for line in sys.stdin:
        name = json.loads(line)[0]
        sys.stdout.write(MARK + json.dumps({"code": int(name == fails), "output": COMMANDS[name]()}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
