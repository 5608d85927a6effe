"""Did Amazon SNS send this, about the topic that the account names?

The signature alone proves little: anybody may point a topic of their own at our address. So the topic is pinned, and
certificate and confirmation come from the host of that topic's region only.
"""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from providers import reading
from providers.errors import BadReceipt, BadSignature
from providers.messages import ReceiptRequest

# SNS repeats a notification for an hour at most, with its first timestamp; the rest is for clocks that differ.
WINDOW = 3_900.0
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 SNS's first version
MOST_CERTIFICATES = 20

_certificates: OrderedDict[str, rsa.RSAPublicKey] = OrderedDict()


def host_of(topic_arn: str) -> str:
    """Where a topic's region keeps its certificates; ValueError for what is no topic."""
    parts = topic_arn.split(":")
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "sns" or not parts[3].replace("-", "").isalnum():
        raise ValueError("must be the ARN of an SNS topic, such as arn:aws:sns:eu-west-1:123456789012:ses-events")
    return f"sns.{parts[3]}.amazonaws.com" + (".cn" if parts[1] == "aws-cn" else "")


def envelope(request: ReceiptRequest) -> dict[str, Any]:
    return reading.mapping(reading.body(request.body))


def verify(topic_arn: str, request: ReceiptRequest) -> None:
    if not topic_arn:
        raise BadSignature("the account names no topic")
    try:
        posted = envelope(request)
    except BadReceipt as error:
        raise BadSignature(str(error)) from None
    if posted.get("TopicArn") != topic_arn:
        raise BadSignature("it is about another topic")
    fields, algorithm = (
        SIGNED.get(reading.text(posted.get("Type"))),
        HASHES.get(reading.text(posted.get("SignatureVersion"))),
    )
    if fields is None or algorithm is None or not all(isinstance(posted.get(f, ""), str) for f in fields):
        raise BadSignature("the envelope is malformed")
    at = reading.moment(posted.get("Timestamp"), otherwise=datetime.fromtimestamp(0, UTC))
    if abs((request.received_at - at).total_seconds()) > WINDOW:
        raise BadSignature("the signature is too old or from the future")
    signed = "".join(f"{field}\n{posted[field]}\n" for field in fields if field in posted)
    key = _key(_own(posted.get("SigningCertURL"), topic_arn), request)
    try:
        given = base64.b64decode(reading.text(posted.get("Signature")), validate=True)
        key.verify(given, signed.encode(), padding.PKCS1v15(), algorithm)
    except (binascii.Error, InvalidSignature):
        raise BadSignature("the signature does not match") from None


def confirm(topic_arn: str, request: ReceiptRequest) -> None:
    """Visit the address that a new subscription waits for."""
    posted = envelope(request)
    if posted["Type"] == "SubscriptionConfirmation":
        request.fetch(_own(posted.get("SubscribeURL"), topic_arn))


def _own(url: Any, topic_arn: str) -> str:
    """The address, when it leads to SNS in the topic's region."""
    try:
        parts = urlsplit(reading.text(url))
        own = parts.scheme == "https" and parts.netloc == host_of(topic_arn)
    except ValueError:
        own = False
    if not own:
        raise BadSignature("it names an address that is not the topic's own")
    return str(url)


def _key(url: str, request: ReceiptRequest) -> rsa.RSAPublicKey:
    """The public key behind a certificate's address. A new certificate gets a new address, so it can be kept."""
    if url not in _certificates:
        try:
            key = x509.load_pem_x509_certificate(request.fetch(url)).public_key()
        except ValueError:
            raise BadSignature("what it names is not a certificate") from None
        if not isinstance(key, rsa.RSAPublicKey):
            raise BadSignature("the certificate is of another kind")
        _certificates[url] = key
        if len(_certificates) > MOST_CERTIFICATES:
            _certificates.popitem(last=False)
    return _certificates[url]
