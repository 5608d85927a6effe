"""How does an envelope look on the wire, and where is it sent?

The same for both publishers. Only ids are in the body; the properties repeat what an operator wants to see in a queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from techrar.broker.envelope import VERSION, Envelope, encode
from techrar.broker.topology import (
    DEAD,
    DELIVER,
    RETRY,
    RETRY_HEADER,
    Profile,
    Step,
    channel_of,
    retry_rung,
    routing_key,
)

CONTENT_TYPE = "application/json"
MESSAGE_TYPE = "techrar.envelope"
VERSION_HEADER, REASON_HEADER = "envelope-version", "reason"
PERSISTENT = 2


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message, ready for any client library."""

    exchange: str
    routing_key: str
    publish_id: UUID
    priority: int
    body: bytes
    headers: Mapping[str, str | int] = field(default_factory=dict)


def to_work(envelope: Envelope, profile: Profile) -> Outgoing:
    return Outgoing(
        exchange=DELIVER,
        routing_key=routing_key(envelope.lane, envelope.priority, profile),
        publish_id=envelope.publish_id,
        priority=envelope.priority,
        body=encode(envelope),
        headers={VERSION_HEADER: VERSION},
    )


def to_retry(envelope: Envelope, step: Step, profile: Profile) -> Outgoing:
    return postponed(to_work(envelope, profile), step)


def to_dead(envelope: Envelope, reason: str, profile: Profile) -> Outgoing:
    return buried(to_work(envelope, profile), channel_of(envelope.lane), reason)


def postponed(message: Outgoing, step: Step) -> Outgoing:
    """Keep the routing key: it is what brings the message back to its queue when the delay is over."""
    rung = retry_rung(step, message.publish_id)
    return replace(message, exchange=RETRY, headers={**message.headers, RETRY_HEADER: rung})


def buried(message: Outgoing, channel: str, reason: str) -> Outgoing:
    return replace(message, exchange=DEAD, routing_key=channel, headers={**message.headers, REASON_HEADER: reason})
