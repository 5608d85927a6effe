"""Webhook: JSON to the merchant's own endpoint."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from providers import addresses
from providers.channel import Channel, Content, Part


class WebhookContent(Content):
    payload: dict[str, Any] = Field(description="The JSON object that is posted.")


CHANNEL = Channel(
    key="webhook",
    title="Webhook",
    address_field="url",
    normalise=addresses.web_url,
    parts={"payload": Part.DATA},
    content_model=WebhookContent,
    example_address="https://shop.example.com/hooks/orders",
    example_content={"payload": {"type": "order.shipped", "data": {"order": 42}}},
)
