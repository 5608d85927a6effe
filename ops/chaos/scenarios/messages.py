"""Messages that come ten times, and messages that kill."""

from __future__ import annotations

import heapq
import os
import random
import threading
import time
from itertools import count
from typing import Any

import pika

from ops.chaos.campaign import Audience
from ops.chaos.providers import POISON
from ops.chaos.scenario import scenario
from ops.chaos.world import World

COPIES = 9
LATEST_SECONDS = 4.0
LANES = ("webhook", "sms", "email", "webhook.urgent")


class Storm(threading.Thread):
    """Gets a copy of every envelope and puts nine more into its queue, now or seconds after it was done."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.dice = random.Random(5)  # noqa: S311 - in which order, keeps no secret
        self.seen = self.sent = 0
        self.over = threading.Event()
        self._due: list[tuple[float, int, str, Any, bytes]] = []
        self._numbers = count()

    def run(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            queue = channel.queue_declare("", exclusive=True).method.queue
            for lane in LANES:
                channel.queue_bind(queue, "deliver", lane)
            for method, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=0.05):
                if method is not None and not self.over.is_set():
                    self._copy(method.routing_key, properties, body)
                while self._due and (self.over.is_set() or self._due[0][0] <= time.monotonic()):
                    _, _, key, properties, body = heapq.heappop(self._due)
                    # Straight into the queue: through the exchange we would get a copy of the copy.
                    channel.basic_publish("", f"deliver.{key}", body, properties)
                    self.sent += 1
                if self.over.is_set() and not self._due:
                    return

    def _copy(self, key: str, properties: Any, body: bytes) -> None:
        self.seen += 1
        for _ in range(COPIES):
            at = time.monotonic() + self.dice.uniform(0, LATEST_SECONDS)
            heapq.heappush(self._due, (at, next(self._numbers), key, properties, body))


@scenario("every envelope ten times", quick=True)
def storm(world: World) -> None:
    storm = Storm(os.environ["AMQP_URL"])
    storm.start()
    world.watch(12)
    storm.over.set()
    storm.join(30)
    assert storm.sent == storm.seen * COPIES > 0, "the storm did not blow"


@scenario(
    "poison", back_within=120, settle_within=300, urgent_within=20, excused=frozenset({"poison", "missing_variable"})
)
def poison(world: World) -> None:
    """Bytes that are no envelope, content that cannot be rendered, and messages of which their consumer dies."""
    with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
        for lane in LANES:
            connection.channel().basic_publish("deliver", lane, b"\x00 no envelope {")
    world.cast.expected = lambda name: name.startswith("bulk")
    world.cast.hurry = True
    for address, text in (("+442079460100", "Hello {{ nobody.knows }}"), (POISON, "Hello")):
        world.campaign.accept(Audience("sms", address, {"text": text}), 2)
    world.watch(30)
