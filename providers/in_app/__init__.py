"""In-app: a card in the merchant's own application, to the id by which the merchant knows the recipient."""

from __future__ import annotations

from providers.channel import Channel, one_line
from providers.content import CARD_EXAMPLE, CARD_PARTS, Card


def recipient(text: str) -> str:
    """The merchant's own id, kept as it is."""
    trimmed = one_line(text)
    if len(trimmed) > 255:
        raise ValueError("The recipient's id must be at most 255 characters.")
    return trimmed


CHANNEL = Channel(
    key="in_app",
    title="In-app",
    address_field="recipient",
    normalise=recipient,
    parts=CARD_PARTS,
    content_model=Card,
    example_address="cust_42",
    example_content=CARD_EXAMPLE,
)
