"""How do credentials rest in the database?

Sealed with AES-256-GCM under a ring of keys: the first one seals, all of them open. What is sealed is bound to the
place it belongs to (`aad`), so that a row copied to another merchant does not open.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from techrar.core.errors import ConfigurationError

VERSION = 1
NONCE = 12
_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class CannotOpen(Exception):
    """Sealed under another key, for another place, or damaged. The message is for the operator."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys by id, newest first."""

    keys: tuple[tuple[str, bytes], ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """From `id:base64-of-32-bytes,…`, as in the setting ENCRYPTION_KEYS."""
        return _parse(text)

    def seal(self, plain: bytes, aad: bytes) -> bytes:
        """Version, key id, nonce and ciphertext in one string of bytes."""
        key_id, key = self.keys[0]
        head = bytes([VERSION, len(key_id)]) + key_id.encode()
        nonce = os.urandom(NONCE)
        return head + nonce + AESGCM(key).encrypt(nonce, plain, head + aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        key_id, end = self._head(sealed)
        key = dict(self.keys).get(key_id)
        if key is None:
            raise CannotOpen(f"sealed with key {key_id!r}, which ENCRYPTION_KEYS does not list: add it at the end")
        nonce, ciphertext = sealed[end : end + NONCE], sealed[end + NONCE :]
        try:
            return AESGCM(key).decrypt(nonce, ciphertext, sealed[:end] + aad)
        except (InvalidTag, ValueError):
            raise CannotOpen(f"key {key_id!r} does not open this: it is damaged or belongs elsewhere") from None

    def outdated(self, sealed: bytes) -> bool:
        """Sealed with an older key than the first."""
        return self._head(sealed)[0] != self.keys[0][0]

    @staticmethod
    def _head(sealed: bytes) -> tuple[str, int]:
        if len(sealed) < 2 or sealed[0] != VERSION:
            raise CannotOpen("this was not sealed by a version of the service that we know")
        end = 2 + sealed[1]
        return sealed[2:end].decode("ascii", errors="replace"), end


@lru_cache(maxsize=8)
def _parse(text: str) -> KeyRing:
    keys: dict[str, bytes] = {}
    for entry in (part.strip() for part in text.split(",") if part.strip()):
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not _ID.fullmatch(key_id) or len(key) != 32:
            raise ConfigurationError("ENCRYPTION_KEYS must be id:base64-of-32-bytes, separated by commas, newest first")
        if key_id in keys:
            raise ConfigurationError(f"ENCRYPTION_KEYS names the key {key_id!r} twice")
        keys[key_id] = key
    if not keys:
        raise ConfigurationError("ENCRYPTION_KEYS is empty: set it to id:base64-of-32-bytes")
    return KeyRing(tuple(keys.items()))
