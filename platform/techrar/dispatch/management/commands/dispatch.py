"""Run a dispatcher: `manage.py dispatch`. Any number may run."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand
from uuid_utils.compat import uuid7

from providers.registry import channels
from techrar.broker.envelope import Envelope
from techrar.broker.publisher import Publisher
from techrar.broker.topology import Profile, plan
from techrar.core.database import dsn
from techrar.dispatch import process
from techrar.env import Transport

log = logging.getLogger(__name__)


class BrokerPublisher:
    """The relay's view of the broker: which publish ids are safe."""

    def __init__(self, name: str) -> None:
        profile = Profile(settings.BROKER_PROFILE)
        topology = plan(list(channels()), profile)
        self.publisher = Publisher(settings.AMQP_URL, profile, topology=topology, name=name)
        self._trouble = ""

    def publish(self, envelopes: Sequence[Envelope], *, deadline: float) -> set[UUID]:
        done = self.publisher.publish(envelopes, deadline=deadline)
        if done.error != self._trouble:
            # Once when it begins, once when it changes, once when it is over.
            log.warning("%s", done.error or "the broker takes envelopes again")
            self._trouble = done.error
        return set(done.confirmed)


class Command(BaseCommand):
    help = "Publish what is due, wake what sleeps, sweep up after crashes."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        sessions = {"clock": process.clock_session, **process.SESSIONS}
        threads = [process.Thread(name, dsn(), make(stop), stop) for name, make in sessions.items()]
        if settings.TRANSPORT is Transport.AMQP:
            keys = list(channels())
            threads += [
                process.relay_thread(
                    f"relay-{kind}",
                    dsn(),
                    lanes=lanes,
                    publisher=partial(BrokerPublisher, f"techrar relay {kind}"),
                    new_id=uuid7,
                    stop=stop,
                )
                for kind, lanes in (("urgent", [f"{k}.urgent" for k in keys]), ("bulk", keys))
            ]
        log.info("dispatching over %s, process %d", settings.TRANSPORT, os.getpid())
        process.run(threads, stop)
