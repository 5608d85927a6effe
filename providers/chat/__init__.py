"""Chat: words into a room of Slack, Discord, Teams, …: the incoming-webhook address that the room gave out."""

from __future__ import annotations

from providers import addresses
from providers.channel import Channel
from providers.content import TEXT_PARTS, Text

CHANNEL = Channel(
    key="chat",
    title="Chat",
    address_field="chat",
    normalise=addresses.web_url,
    parts=TEXT_PARTS,
    content_model=Text,
    example_address="https://chat.example.com/rooms/42",
    example_content={"text": "Order 42 is on its way."},
)
