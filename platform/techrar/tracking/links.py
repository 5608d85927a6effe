"""How do our links look, and how is one read back?

A link carries all that it stands for, signed: whose delivery, until when, and for a click the address that stood in the
message when it was rendered. Nothing in a query is believed, so that nobody can make us lead anywhere else. The same
delivery has the same links each time it is rendered, because some vendors refuse a repetition that differs.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
import time
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from uuid import UUID

DAY = 86_400
YEAR = 365 * DAY
LIFETIME = 2 * YEAR  # from the acceptance; at least a year from the sending
MAC = 18  # bytes, so that all that comes before an address is a whole number of base64's groups
_HEAD = struct.Struct(">16sIBI")  # delivery, merchant, mode, expiry; the number of the link follows in two bytes
_SIGNED = _HEAD.size + 2
_URL_BEGINS = _SIGNED + MAC
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Kind(StrEnum):
    """Which door a link opens. One for another door is not signed for this one."""

    OPEN = "o"
    CLICK = "c"
    UNSUBSCRIBE = "u"


class Forged(Exception):
    """Not ours: made up, changed, or cut off."""


class TooOld(Exception):
    """Ours, and its time is over."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a link stands for."""

    delivery_id: UUID
    merchant_id: int
    mode: int
    link: int = 0
    url: str = ""


class _Door:
    """One kind of link. A hash of an enum's member costs as much as half a signature, so nothing is looked up here."""

    __slots__ = ("_key", "_path")

    def __init__(self, path: str, key: bytes) -> None:
        self._path = path
        self._key = key

    def link(self, head: bytes, target: bytes = b"", encoded: str = "") -> str:
        token = binascii.b2a_base64(head + self.sign(head + target), newline=False)
        return self._path + token.translate(_URL_SAFE).decode() + encoded

    def sign(self, signed: bytes) -> bytes:
        """Keyed BLAKE2b: a quarter of what HMAC costs here, and it is asked for each link of each message."""
        return blake2b(signed, key=self._key, digest_size=MAC).digest()


class Links:
    def __init__(self, public_url: str, secret: str) -> None:
        self.public_url = public_url
        self.picture = self._door(Kind.OPEN, "/t/o/", secret)
        self.click = self._door(Kind.CLICK, "/t/c/", secret)
        self.unsubscribe = self._door(Kind.UNSUBSCRIBE, "/u/", secret)
        self._doors = {Kind.OPEN: self.picture, Kind.CLICK: self.click, Kind.UNSUBSCRIBE: self.unsubscribe}

    def of(self, row: Any, *, now: float | None = None) -> Marked:
        """The links of a delivery, whose row has at least `id`, `merchant_id` and `mode`."""
        until = expiry(row.id, now or time.time())
        return Marked(self, _HEAD.pack(row.id.bytes, row.merchant_id, row.mode, until))

    def read(self, kind: Kind, token: str, *, now: float | None = None) -> Mark:
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            raise Forged from None
        head, mac, url = raw[:_SIGNED], raw[_SIGNED:_URL_BEGINS], raw[_URL_BEGINS:]
        if len(raw) < _URL_BEGINS or not hmac.compare_digest(mac, self._doors[kind].sign(head + url)):
            raise Forged
        delivery, merchant, mode, until = _HEAD.unpack_from(head)
        if until < (now or time.time()):
            raise TooOld
        return Mark(UUID(bytes=delivery), merchant, mode, int.from_bytes(head[-2:], "big"), url.decode())

    def _door(self, kind: Kind, path: str, secret: str) -> _Door:
        return _Door(self.public_url + path, hmac.digest(secret.encode(), f"techrar.link.{kind}".encode(), "sha256"))


class Marked:
    """The links of one delivery."""

    __slots__ = ("_head", "_links")

    def __init__(self, links: Links, head: bytes) -> None:
        self._links = links
        self._head = head

    @property
    def picture(self) -> str:
        return self._links.picture.link(self._head + b"\0\0")

    @property
    def unsubscribe(self) -> str:
        return self._links.unsubscribe.link(self._head + b"\0\0")

    def click(self, number: int, url: str) -> str:
        target, encoded = _target(url)
        return self._links.click.link(self._head + (number & 0xFFFF).to_bytes(2, "big"), target, encoded)


@lru_cache(maxsize=4_096)
def _target(url: str) -> tuple[bytes, str]:
    """A campaign's links lead all its recipients to the same few addresses."""
    target = url.encode()
    return target, base64.urlsafe_b64encode(target).rstrip(b"=").decode()


def expiry(delivery: UUID, now: float) -> int:
    """Counted from the acceptance, which an id begins with; from the day of sending when that was long ago."""
    accepted = (delivery.int >> 80) // 1000
    return LIFETIME + (accepted if now - accepted < YEAR else int(now) // DAY * DAY)
