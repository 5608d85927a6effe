"""Recount the ledger: `manage.py reconcile [--days N]`. Exits 1 when something does not balance."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from django.core.management.base import BaseCommand

from techrar.core.database import dsn
from techrar.ledger.reconcile import reconcile


class Command(BaseCommand):
    help = "Recount rows against tallies and the law of conservation."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=400, help="how many days back (default: all that is kept)")

    def handle(self, *args: Any, **options: Any) -> None:
        since = (datetime.now(UTC) - timedelta(days=options["days"])).date()
        with psycopg.connect(dsn()) as connection:
            report = reconcile(connection, since=since)
        for line in report.lines:
            states = ", ".join(f"{n} {state}" for state, n in line.states.items())
            mode = "live" if line.mode else "test"
            what = f"run {line.run_id}" if line.run_id else "sends"
            self.stdout.write(
                f"{line.day} merchant {line.merchant_id} {mode} {what}: {line.planned} planned = {states}"
            )
        for sentence in report.wrong:
            self.stderr.write(f"does not balance: {sentence}")
        if report.wrong:
            sys.exit(1)
        self.stdout.write(f"balanced: {sum(line.planned for line in report.lines)} deliveries")
