"""Does the broker have the exchanges, queues and bindings that the installed channels need?

`manage.py topology` declares them, `--check` only looks. Exits 1 and says what is not as planned.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from providers.registry import channels
from techrar.broker import declare
from techrar.broker.link import FAILURES
from techrar.broker.publisher import connected
from techrar.broker.topology import Profile, plan


class Command(BaseCommand):
    help = "Declare what RabbitMQ must have for the installed channels, or check it."
    requires_system_checks = ()  # the broker is asked, not the web site

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing, say what is missing or different")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.AMQP_URL:
            self.stdout.write("No broker is configured (AMQP_URL is empty): the ledger transport needs no queues.")
            return
        topology = plan(list(channels()), Profile(settings.BROKER_PROFILE))
        act = declare.check if options["check"] else declare.apply
        try:
            with connected(settings.AMQP_URL, name="techrar topology") as connection:
                problems = act(connection, topology)
        except FAILURES as error:
            raise CommandError(f"The broker at AMQP_URL cannot be asked: {error}") from error
        for problem in problems:
            self.stderr.write(problem)
        if problems:
            raise CommandError(f"{len(problems)} thing(s) are not as planned.")
        count = f"{len(topology.exchanges)} exchanges, {len(topology.queues)} queues, {len(topology.bindings)} bindings"
        self.stdout.write(f"{'As planned' if options['check'] else 'Declared'} ({topology.profile} profile): {count}.")
