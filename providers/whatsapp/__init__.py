"""WhatsApp: an approved template with parameters, or free text within an open conversation, to a phone number."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from providers import addresses
from providers.channel import Channel, Content, Part
from providers.content import TEXT_LIMIT


class WhatsAppContent(Content):
    template: str | None = Field(None, min_length=1, max_length=512, description="Name of an approved template.")
    language: str | None = Field(None, min_length=2, max_length=16, description="The template's language: en_US.")
    parameters: list[Any] | dict[str, Any] | None = Field(None, description="What fills the template's places.")
    text: str | None = Field(None, min_length=1, max_length=TEXT_LIMIT, description="Free text, instead of a template.")

    @model_validator(mode="after")
    def _one_or_the_other(self) -> WhatsAppContent:
        if bool(self.template) == bool(self.text):
            raise ValueError("a WhatsApp message needs either template or text")
        if self.template and not self.language:
            raise ValueError("a WhatsApp template needs its language")
        if self.text and (self.language or self.parameters):
            raise ValueError("language and parameters belong to a WhatsApp template, not to text")
        return self


CHANNEL = Channel(
    key="whatsapp",
    title="WhatsApp",
    address_field="phone",
    normalise=addresses.phone,
    parts={"template": Part.LINE, "language": Part.LINE, "parameters": Part.DATA, "text": Part.TEXT},
    content_model=WhatsAppContent,
    example_address="+12025550123",
    example_content={"template": "order_shipped", "language": "en_US", "parameters": ["42", "Tuesday"]},
)
