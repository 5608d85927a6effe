"""How do we sign what we post, and check what was posted to us?

Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, several secrets side by side while one replaces another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from providers.errors import BadSignature
from providers.messages import ReceiptRequest

PREFIX = "whsec_"
TOLERANCE = 300  # seconds that two clocks may differ, and that a copied request stays useful


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The 24 to 64 bytes behind `whsec_…`; ValueError says what a secret must look like."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError(f"must be {PREFIX} followed by 24 to 64 bytes in base64")
    return key


def headers(keys: Sequence[bytes], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers a receiver checks. The id stays the same over attempts, the time does not."""
    moment = str(int(at.timestamp()))
    signatures = " ".join("v1," + _signature(key, message_id, moment, body) for key in keys)
    return {"webhook-id": message_id, "webhook-timestamp": moment, "webhook-signature": signatures}


def check(keys: Sequence[bytes], request: ReceiptRequest, *, named: str = "webhook") -> None:
    """Raise `BadSignature` unless one of the keys signed exactly this body a moment ago.

    Some vendors put a word of their own before the headers' names: `svix-id` in place of `webhook-id`.
    """
    message_id, moment = request.header(f"{named}-id"), request.header(f"{named}-timestamp")
    given = [word.partition(",")[2] for word in request.header(f"{named}-signature").split() if word.startswith("v1,")]
    if not (message_id and given):
        raise BadSignature("the signature headers are missing or malformed")
    check_age(moment, request, TOLERANCE)
    wanted = [_signature(key, message_id, moment, request.body).encode() for key in keys]
    matches = [hmac.compare_digest(one, other.encode()) for one in wanted for other in given]
    if not any(matches):
        raise BadSignature("the signature does not match")


def check_age(moment: str, request: ReceiptRequest, window: float) -> None:
    """Raise `BadSignature` unless these seconds since 1970 are at most `window` away from when the request came."""
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 12):
        raise BadSignature("the signature's time is missing or malformed")
    if abs(request.received_at.timestamp() - int(moment)) > window:
        raise BadSignature("the signature is too old or from the future")


def _signature(key: bytes, message_id: str, moment: str, body: bytes) -> str:
    signed = f"{message_id}.{moment}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
