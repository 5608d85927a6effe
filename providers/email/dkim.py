"""How is a message signed that we relay ourselves? DKIM (RFC 6376): rsa-sha256, relaxed/relaxed.

A signer of our own, because the library's RSA is written in Python and takes twenty times as long; that library checks
this one in the tests.
"""

from __future__ import annotations

import base64
import hashlib
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

#: What is signed where it is there; From is signed once more than it is there, so that nobody can add another one.
HEADERS = (
    b"from", b"to", b"subject", b"date", b"message-id", b"reply-to", b"mime-version", b"content-type",
    b"content-transfer-encoding", b"x-delivery-id", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip
SMALLEST_KEY = 1024  # receivers refuse less; RFC 8301 asks for 2048
_FIELD = re.compile(rb"([!-9;-~]+):((?:[^\r\n]|\r\n[ \t])*)\r\n")
_SPACE = re.compile(rb"[ \t]+")


class Signer:
    def __init__(self, domain: str, selector: str, private_key: str) -> None:
        """ValueError says what is wrong with the key."""
        try:
            key = load_pem_private_key(private_key.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("dkim_private_key must be a PEM private key without a password") from None
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < SMALLEST_KEY:
            raise ValueError(f"dkim_private_key must be an RSA key of at least {SMALLEST_KEY} bits")
        self._key = key
        self._names = f"d={domain}; s={selector}"

    def signed(self, raw: bytes) -> bytes:
        """The same message with a DKIM-Signature before it. No time is in it: clocks that differ would spoil it."""
        head, _, body = raw.partition(b"\r\n\r\n")
        fields = [(name.lower(), value) for name, value in _FIELD.findall(head + b"\r\n")]
        chosen = [(name, value) for wanted in HEADERS for name, value in fields if name == wanted]
        names = b":".join([*(name for name, _ in chosen), b"from"]).decode()
        body_hash = base64.b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode()
        tags = f"v=1; a=rsa-sha256; c=relaxed/relaxed; {self._names}; h={names}; bh={body_hash}; b="
        lines = [_relaxed(name, value) for name, value in chosen]
        to_sign = b"\r\n".join([*lines, _relaxed(b"dkim-signature", tags.encode())])
        signature = base64.b64encode(self._key.sign(to_sign, padding.PKCS1v15(), hashes.SHA256())).decode()
        # Folded where a verifier ignores white space, so that no relay has a reason to fold it anywhere else.
        folded = tags.replace("; ", ";\r\n ") + "".join(
            f"\r\n {signature[at : at + 72]}" for at in range(0, len(signature), 72)
        )
        return f"DKIM-Signature: {folded}\r\n".encode() + raw


def _relaxed(name: bytes, value: bytes) -> bytes:
    return name + b":" + _SPACE.sub(b" ", value.replace(b"\r\n", b"")).strip(b" \t")


def _relaxed_body(body: bytes) -> bytes:
    """Spaces at line ends and empty lines at the end do not count."""
    lines = [_SPACE.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)
