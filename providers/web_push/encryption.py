"""How does a message become readable to one browser and to no push service on the way?

RFC 8291: a key agreed upon with the browser's public key, and one record of AES-128-GCM as RFC 8188 describes it.
"""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RECORD = 4096  #: bytes that every push service must take
HEAD = 16 + 4 + 1 + 65  #: salt, record size, and our public key with its length
LONGEST = RECORD - HEAD - 1 - 16  #: bytes of a message; the rest is the end mark and the authentication tag
LAST = b"\x02"  #: ends the only record


def encrypt(
    message: bytes,
    *,
    browser_key: bytes,
    auth: bytes,
    own_key: EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body to post. ValueError: the browser's key is not a point on the curve, or the message is too long."""
    if len(message) > LONGEST:
        raise ValueError(f"a web push message may have {LONGEST} bytes, not {len(message)}")
    browser = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), browser_key)
    own_key, salt = own_key or generate_private_key(SECP256R1()), salt or os.urandom(16)
    own = public_bytes(own_key)
    shared = _derive(own_key.exchange(ECDH(), browser), auth, b"WebPush: info\0" + browser_key + own, 32)
    key = _derive(shared, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(shared, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + RECORD.to_bytes(4, "big") + bytes([len(own)]) + own
    return head + AESGCM(key).encrypt(nonce, message + LAST, None)


def public_bytes(key: EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derive(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    return HKDF(SHA256(), size, salt, info).derive(secret)
