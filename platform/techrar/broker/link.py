"""How is one broker connection used so that it can neither hang its caller nor lie to it?

A connection, one channel in confirm mode, and the tags that are still to be answered on it. py-amqp waits for ever by
default and, left to itself, takes any acknowledgement for its own; here every wait has an end and every tag a name.
A link is used by one thread and never repaired: after an error or a timeout it is thrown away.
"""

from __future__ import annotations

import os
import time
from typing import Any
from uuid import UUID

from amqp import Message
from amqp.exceptions import AMQPError

from techrar.broker.confirms import Confirms, Verdict
from techrar.broker.outgoing import CONTENT_TYPE, MESSAGE_TYPE, PERSISTENT, Outgoing

#: What a broken broker, network or topology raises. Anything else is a bug of ours and is not caught.
FAILURES: tuple[type[Exception], ...] = (AMQPError, OSError)

TOO_LATE = "the broker did not answer within the time given"


def left(deadline: float) -> float:
    """Seconds until a moment of the monotonic clock; `TimeoutError` when it has passed."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError(TOO_LATE)
    return seconds


def reason_of(failure: Exception) -> str:
    return TOO_LATE if isinstance(failure, TimeoutError) else str(failure)


class Link:
    def __init__(self, connection: Any, *, deadline: float) -> None:
        self.connection = connection
        self.blocked = False
        self.confirms = Confirms()
        self.verdicts: dict[UUID, Verdict] = {}
        connection.on_blocked, connection.on_unblocked = self._on_blocked, self._on_unblocked
        # Opening a channel has no timeout of its own: it waits as long as the socket lets it.
        connection.sock.settimeout(left(deadline))
        self._channel = connection.channel()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)

    def write(self, message: Outgoing, *, deadline: float) -> None:
        """Send without waiting for the answer; notices on the way what the broker has said meanwhile."""
        properties = Message(
            message.body,
            content_type=CONTENT_TYPE,
            type=MESSAGE_TYPE,
            message_id=str(message.publish_id),
            correlation_id=str(self.confirms.next_tag),  # a returned message names its tag
            priority=message.priority,
            delivery_mode=PERSISTENT,
            application_headers=dict(message.headers),
        )
        seconds = left(deadline)
        self.confirms.wrote(message.publish_id)
        self._channel.basic_publish(
            properties,
            exchange=message.exchange,
            routing_key=message.routing_key,
            mandatory=True,
            timeout=seconds,
        )

    def settle(self, *, deadline: float) -> None:
        """Wait until every tag is answered, or until the broker says that it takes nothing now."""
        while len(self.confirms) and not self.blocked:
            self.connection.drain_events(timeout=left(deadline))

    def poll(self) -> None:
        """Read what has arrived, without waiting. Raises when the connection is gone."""
        try:
            while True:
                self.connection.drain_events(timeout=0)
        except TimeoutError:
            return

    def abandon(self) -> None:
        """Close the socket without a word: whatever was in flight on it stays unknown."""
        self.connection.collect()

    def forget(self) -> None:
        """After a fork: close this process's copy of the socket and leave the parent's connection alone.

        An ordinary close would shut the connection down for the parent too.
        """
        transport = self.connection.transport
        if transport is not None and transport.sock is not None:
            os.close(transport.sock.detach())
            transport.sock = None

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._answered(tag, multiple, taken=True)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._answered(tag, multiple, taken=False)

    def _answered(self, tag: int, multiple: bool, *, taken: bool) -> None:
        for _, publish_id, verdict in self.confirms.answered(tag, multiple=bool(multiple), taken=taken):
            self.verdicts[publish_id] = verdict

    def _on_return(self, _error: Exception, _exchange: str, _routing_key: str, message: Any) -> None:
        self.confirms.returned(int(message.properties["correlation_id"]))

    def _on_blocked(self, _reason: str) -> None:
        self.blocked = True

    def _on_unblocked(self) -> None:
        self.blocked = False
