"""A domain's DKIM key, and what its name server says of it."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def pem(key: Any, encryption: Any = None) -> str:
    kind = serialization.PrivateFormat.PKCS8
    secret = encryption or serialization.NoEncryption()
    return str(key.private_bytes(serialization.Encoding.PEM, kind, secret).decode())


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def published(name: bytes, timeout: float = 5) -> bytes:
    """What the domain's name server would say."""
    assert name == b"k1._domainkey.example.com."
    public = (
        key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
