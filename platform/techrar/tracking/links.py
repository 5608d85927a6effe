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
from functools import cached_property, lru_cache
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


class Links:
    def __init__(self, public_url: str, secret: str) -> None:
        self.public_url = public_url
        self.paths = {kind: f"{public_url}{'/u/' if kind is Kind.UNSUBSCRIBE else f'/t/{kind}/'}" for kind in Kind}
        self.keys = {kind: hmac.digest(secret.encode(), f"techrar.link.{kind}".encode(), "sha256") for kind in Kind}

    def of(self, row: Any, *, now: float | None = None) -> Marked:
        """The links of a delivery, whose row has at least `id`, `merchant_id` and `mode`."""
        return Marked(self, row.id.bytes, row.merchant_id, row.mode, expiry(row.id, now or time.time()))

    def read(self, kind: Kind, token: str, *, now: float | None = None) -> Mark:
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            raise Forged from None
        head, mac, url = raw[:_SIGNED], raw[_SIGNED:_URL_BEGINS], raw[_URL_BEGINS:]
        if len(raw) < _URL_BEGINS or not hmac.compare_digest(mac, self.sign(kind, head + url)):
            raise Forged
        delivery, merchant, mode, until = _HEAD.unpack_from(head)
        if until < (now or time.time()):
            raise TooOld
        return Mark(UUID(bytes=delivery), merchant, mode, int.from_bytes(head[-2:], "big"), url.decode())

    def sign(self, kind: Kind, signed: bytes) -> bytes:
        """Keyed BLAKE2b: a quarter of what HMAC costs here, and it is asked for each link of each message."""
        return blake2b(signed, key=self.keys[kind], digest_size=MAC).digest()


class Marked:
    """The links of one delivery."""

    def __init__(self, links: Links, delivery: bytes, merchant_id: int, mode: int, until: int) -> None:
        self.links = links
        self._head = _HEAD.pack(delivery, merchant_id, mode, until)

    @cached_property
    def picture(self) -> str:
        return self._made(Kind.OPEN)

    @cached_property
    def unsubscribe(self) -> str:
        return self._made(Kind.UNSUBSCRIBE)

    def click(self, number: int, url: str) -> str:
        return self._made(Kind.CLICK, number & 0xFFFF, url)

    def _made(self, kind: Kind, number: int = 0, url: str = "") -> str:
        head = self._head + number.to_bytes(2, "big")
        target, encoded = _target(url) if url else (b"", "")
        token = binascii.b2a_base64(head + self.links.sign(kind, head + target), newline=False)
        return self.links.paths[kind] + token.translate(_URL_SAFE).decode() + encoded


@lru_cache(maxsize=4_096)
def _target(url: str) -> tuple[bytes, str]:
    """A campaign's links lead all its recipients to the same few addresses."""
    target = url.encode()
    return target, base64.urlsafe_b64encode(target).rstrip(b"=").decode()


def expiry(delivery: UUID, now: float) -> int:
    """Counted from the acceptance, which an id begins with; from the day of sending when that was long ago."""
    accepted = (delivery.int >> 80) // 1000
    return LIFETIME + (accepted if now - accepted < YEAR else int(now) // DAY * DAY)
