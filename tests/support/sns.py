"""Amazon SNS, as far as a receiver sees it: signed envelopes, and the certificate that proves them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

HOST = "sns.eu-west-1.amazonaws.com"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses-events"
CONFIRM = f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37fb"


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def certificate() -> bytes:
    now, name = datetime.now(UTC), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key().public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def certificate_url() -> str:
    """A new one each time, so that no test finds what another one's fetch left."""
    return f"https://{HOST}/SimpleNotificationService-{uuid4().hex}.pem"


def posted(message: Any, *, at: datetime, version: str = "2", kind: str = "Notification", **fields: Any) -> bytes:
    """An envelope as SNS posts it. A field that is given as None is left out; `Signature` is made last."""
    envelope = {
        "Type": kind,
        "MessageId": str(uuid4()),
        "TopicArn": TOPIC,
        "Message": message if isinstance(message, str) else orjson.dumps(message).decode(),
        "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": version,
        "SigningCertURL": certificate_url(),
        **({"Token": "2336412f37fb", "SubscribeURL": CONFIRM} if kind != "Notification" else {}),
        **fields,
    }
    envelope = {name: value for name, value in envelope.items() if value is not None}
    order = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{envelope[name]}\n" for name in order if name in envelope)
    digest: hashes.HashAlgorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = key().sign(text.encode(), padding.PKCS1v15(), digest)
    return orjson.dumps({"Signature": base64.b64encode(signature).decode(), **envelope})
