"""What is really in the broker, whatever the code under test says?"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from amqp import Message
from amqp.exceptions import NotFound

from techrar.broker import declare
from techrar.broker.envelope import Envelope
from techrar.broker.publisher import connect
from techrar.broker.topology import Profile, Step, Topology, plan, work_queues

#: What a server in alarm says to a connection that publishes, and what it says when that is over.
BLOCKED_FRAME = struct.pack(">BHI HH B3s B", 1, 0, 8, 10, 60, 3, b"low", 0xCE)
UNBLOCKED_FRAME = struct.pack(">BHI HH B", 1, 0, 4, 10, 61, 0xCE)

CHANNELS = ("email", "sms")
#: The ladder with its real names and delays that a test can wait for.
QUICK_LADDER = (Step("1s", 0.2), Step("5s", 0.4))


def envelope(lane: str = "email", priority: int = 1, *, ids: int = 1) -> Envelope:
    return Envelope(publish_id=uuid4(), flow_id=7, lane=lane, priority=priority, ids=[uuid4() for _ in range(ids)])


@dataclass(frozen=True)
class Found:
    """One message as the broker had it."""

    body: bytes
    properties: dict[str, Any]
    routing_key: str
    redelivered: bool

    @property
    def name(self) -> UUID:
        return UUID(self.properties["message_id"])


class Bench:
    """A second pair of eyes on the broker, over a connection of its own."""

    def __init__(self, url: str, profile: Profile) -> None:
        self.url = url
        self.profile = profile
        self.topology: Topology = plan(CHANNELS, profile, QUICK_LADDER)
        self.connection = connect(url, timeout=5, name="test bench")
        self.connection.sock.settimeout(5)
        self.channel = self.connection.channel()

    def wipe(self) -> None:
        """Nothing of either profile is left, as if the broker was new."""
        for profile in Profile:
            topology = plan(CHANNELS, profile)
            for queue in topology.queues:
                self.channel.queue_delete(queue.name)
            for exchange in topology.exchanges:
                self.channel.exchange_delete(exchange.name)

    def restore(self) -> None:
        """As declared and empty: cheaper than `wipe` and `declare`, which follow only when a test broke something."""
        for queue in self.topology.queues:
            try:
                self.channel.queue_purge(queue.name)
            except NotFound:
                continue
        if declare.apply(self.connection, self.topology):
            self.wipe()
            self.declare()

    def declare(self) -> None:
        assert declare.apply(self.connection, self.topology) == []

    def depth(self, queue: str) -> int:
        return int(self.channel.queue_declare(queue, passive=True).message_count)

    def waiting(self, lane: str) -> int:
        return sum(self.depth(queue) for queue in work_queues(lane, self.profile))

    def drain(self, queue: str) -> list[Found]:
        """Everything in a queue, in the broker's order."""
        found = []
        while (message := self.channel.basic_get(queue, no_ack=True)) is not None:
            body = message.body if isinstance(message.body, bytes) else message.body.encode()
            info = message.delivery_info
            found.append(Found(body, message.properties, info["routing_key"], info["redelivered"]))
        return found

    def drain_lane(self, lane: str) -> list[Found]:
        return [found for queue in work_queues(lane, self.profile) for found in self.drain(queue)]

    def put_raw(self, body: bytes, routing_key: str, **properties: Any) -> None:
        self.channel.basic_publish(
            Message(body, delivery_mode=2, **properties), exchange="deliver", routing_key=routing_key
        )

    def wait_for(self, queue: str, depth: int, *, timeout: float = 5.0) -> None:
        """The broker counts a moment after it takes."""
        end = time.monotonic() + timeout
        while (now := self.depth(queue)) != depth:
            assert time.monotonic() < end, f"{queue} holds {now} messages, not {depth}, after {timeout:g} s"
            time.sleep(0.02)  # the broker tells nobody when a queue grows

    def close(self) -> None:
        self.connection.collect()
