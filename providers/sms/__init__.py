"""SMS: words to a phone number."""

from __future__ import annotations

from providers import addresses
from providers.channel import Channel
from providers.content import TEXT_PARTS, Text

CHANNEL = Channel(
    key="sms",
    title="SMS",
    address_field="phone",
    normalise=addresses.phone,
    parts=TEXT_PARTS,
    content_model=Text,
    example_address="+12025550123",
    example_content={"text": "Your code is 123456."},
)
