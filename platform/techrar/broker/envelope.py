"""What travels through the broker?

Only ids: a list of deliveries of one flow and priority, with a version so that old and new code run side by side.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

VERSION = 1


class UnknownVersion(Exception):
    """Made by newer code: put it back for a process that understands it, never drop it."""


class Envelope(msgspec.Struct, frozen=True, tag=False):
    publish_id: UUID
    flow_id: int
    lane: str  #: routing key: `<channel>` or `<channel>.urgent`
    priority: int  #: AMQP priority, larger goes first
    ids: list[UUID]
    solo: bool = False  #: claimed alone: its rows lost leases before
    version: int = VERSION


class _Head(msgspec.Struct):
    version: int


_encoder = msgspec.json.Encoder()
_head = msgspec.json.Decoder(_Head)
_decoder = msgspec.json.Decoder(Envelope)


def encode(envelope: Envelope) -> bytes:
    return _encoder.encode(envelope)


def decode(body: bytes) -> Envelope:
    """Raise `UnknownVersion` for a newer envelope and `msgspec.MsgspecError` for garbage."""
    version = _head.decode(body).version
    if version != VERSION:
        raise UnknownVersion(f"envelope version {version}, this process understands {VERSION}")
    return _decoder.decode(body)
