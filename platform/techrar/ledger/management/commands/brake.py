"""Stop or slow sending in an emergency: `manage.py brake [stop|rate N|release] [--merchant SLUG | --channel KEY]`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from providers.registry import channels
from techrar.ledger import brakes
from techrar.merchants.models import Merchant


class Command(BaseCommand):
    help = "Stop or slow sending, everywhere or for one merchant or channel. Takes effect within two seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", nargs="?", choices=("show", "stop", "rate", "release"), default="show")
        parser.add_argument("number", nargs="?", type=int, help="deliveries per second, with `rate`")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--merchant", help="a merchant's slug")
        where.add_argument("--channel", help="a channel's key")

    def handle(self, *args: Any, **options: Any) -> None:
        scope, subject = self._scope(options)
        action, number = options["action"], options["number"]
        if (action == "rate") != (number is not None) or (number is not None and number < 1):
            raise CommandError("give a number of 1 or more with `rate`, and only there; to stop, say `stop`")
        if action == "release":
            brakes.release(scope=scope, subject=subject)
        elif action != "show":
            brakes.put(scope=scope, subject=subject, rate=number or 0, by="command line")
        for brake in brakes.all_of_them():
            speed = f"{brake.rate}/s" if brake.rate else "stopped"
            self.stdout.write(f"{brake.scope} {brake.subject} {speed}".replace("  ", " "))

    def _scope(self, options: dict[str, Any]) -> tuple[str, str]:
        if options["channel"]:
            if options["channel"] not in channels():
                raise CommandError(f"there is no channel {options['channel']}; there are {', '.join(channels())}")
            return "channel", options["channel"]
        if options["merchant"]:
            merchant = Merchant.objects.filter(slug=options["merchant"]).first()
            if merchant is None:
                raise CommandError(f"there is no merchant {options['merchant']}")
            return "merchant", str(merchant.pk)
        return "installation", ""
