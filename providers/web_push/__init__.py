"""Web push: a card in a browser, to the subscription that the browser gave out, kept as one line of JSON."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from providers import addresses
from providers.channel import Channel
from providers.content import CARD_EXAMPLE, CARD_PARTS, Card

_KEYS = {"p256dh": 65, "auth": 16}  # RFC 8291: an uncompressed P-256 point, and a 16-byte secret
_WRONG = "The web push address must be the browser's subscription as JSON, with endpoint, keys.p256dh and keys.auth."


def subscription(text: str) -> str:
    """Endpoint and keys, in one order and without what browsers add."""
    try:
        given = json.loads(text)
        endpoint = addresses.web_url(given["endpoint"])
        keys = {name: _key(given["keys"][name], size) for name, size in _KEYS.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError(_WRONG) from None
    return json.dumps({"endpoint": endpoint, "keys": keys}, separators=(",", ":"))


def _key(value: Any, size: int) -> str:
    stripped = str(value).rstrip("=")
    try:
        raw = base64.urlsafe_b64decode(stripped + "=" * (-len(stripped) % 4))
    except binascii.Error:
        raise ValueError(_WRONG) from None
    if len(raw) != size:
        raise ValueError(_WRONG)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def example(path: str = "subscription") -> str:
    """A well-formed subscription that leads nowhere."""
    keys = {name: base64.urlsafe_b64encode(bytes(range(size))).decode().rstrip("=") for name, size in _KEYS.items()}
    return json.dumps({"endpoint": f"https://push.example.com/{path}", "keys": keys}, separators=(",", ":"))


CHANNEL = Channel(
    key="web_push",
    title="Web push",
    address_field="web_push",
    normalise=subscription,
    parts=CARD_PARTS,
    content_model=Card,
    example_address=example(),
    example_content=CARD_EXAMPLE,
)
