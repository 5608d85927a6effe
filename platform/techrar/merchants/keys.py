"""What does an API key look like, and how is one recognised without keeping it?

`trk_<mode>_<public id>_<secret>`: the public id finds the row, the secret is 256 random bits and a checksum, so that a
mistyped or invented key is refused without asking the database, and scanners can tell a leaked one. Kept: SHA-256.
A fast hash is right here: nobody guesses 256 bits.
"""

from __future__ import annotations

import re
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest

from techrar.core.mode import Mode

PUBLIC_BYTES, PUBLIC_LENGTH = 8, 11
SECRET_BYTES, SECRET_LENGTH = 32, 43
CHECK_LENGTH = 6

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE = re.compile(
    rf"trk_(live|test)_([0-9A-Za-z]{{{PUBLIC_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECK_LENGTH}}})"
)


@dataclass(frozen=True, slots=True)
class MintedKey:
    mode: Mode
    public_id: str
    secret_hash: bytes
    text: str = field(repr=False)  #: shown once, then forgotten


def mint(mode: Mode, *, entropy: Callable[[int], bytes] = secrets.token_bytes) -> MintedKey:
    public_id = _base62(int.from_bytes(entropy(PUBLIC_BYTES)), PUBLIC_LENGTH)
    head = f"trk_{mode}_{public_id}_{_base62(int.from_bytes(entropy(SECRET_BYTES)), SECRET_LENGTH)}"
    text = head + _check(head)
    return MintedKey(mode=mode, public_id=public_id, secret_hash=digest(text), text=text)


def public_id_of(text: str) -> str | None:
    """The public id of a well-formed key, or None for what was never one."""
    shape = _SHAPE.fullmatch(text)
    if shape is None or _check(text[:-CHECK_LENGTH]) != shape[4]:
        return None
    return shape[2]


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def matches(text: str, secret_hash: bytes) -> bool:
    return compare_digest(digest(text), secret_hash)


def _check(head: str) -> str:
    return _base62(zlib.crc32(head.encode()), CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    return digits.rjust(length, _DIGITS[0])
