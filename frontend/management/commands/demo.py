"""Makes the demo merchant, its member and its test key; running it again changes nothing."""

from __future__ import annotations

import json
import os
import secrets
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from techrar.core.mode import Mode
from techrar.merchants.demo import EMAIL, ensure_demo
from techrar.routing.services import ensure_sandbox_accounts


class Command(BaseCommand):
    help = "Create the demo merchant with a login and a test API key. DEMO_PASSWORD sets the password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one line of JSON")
        parser.add_argument("--new-key", action="store_true", help="make another test key, as old ones cannot be shown")

    def handle(self, **options: Any) -> None:
        demo = ensure_demo(
            password=os.environ.get("DEMO_PASSWORD"),
            fresh_password=secrets.token_urlsafe(12),
            new_key=options["new_key"],
            now=datetime.now(UTC),
        )
        for mode in Mode:  # live, too: a demonstration reaches nobody
            ensure_sandbox_accounts(merchant_id=demo.merchant_id, mode=mode)
        shown = {
            "url": settings.PUBLIC_URL,
            "login": EMAIL,
            "password": demo.password,
            "api_key": demo.api_key,
        }
        if options["json"]:
            self.stdout.write(json.dumps(shown))
            return
        hidden = {"password": "as printed the first time", "api_key": "as printed the first time (--new-key: another)"}
        for name, value in shown.items():
            self.stdout.write(f"{name:9} {value or hidden[name]}")
