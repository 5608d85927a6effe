"""Push: a card on a phone, to the token that its operating system gave out for one app on one device."""

from __future__ import annotations

from providers import addresses
from providers.channel import Channel
from providers.content import CARD_EXAMPLE, CARD_PARTS, Card

CHANNEL = Channel(
    key="push",
    title="Push",
    address_field="push_token",
    normalise=addresses.token,
    parts=CARD_PARTS,
    content_model=Card,
    example_address="fLq3kZ0example-token",
    example_content=CARD_EXAMPLE,
)
