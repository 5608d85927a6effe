"""E-mail: a subject and at least one of HTML and plain text, to an address."""

from __future__ import annotations

from pydantic import Field, model_validator

from providers import addresses
from providers.channel import Channel, Content, Part
from providers.content import LINE_LIMIT, TEXT_LIMIT
from providers.email.tracing import traced


class EmailContent(Content):
    subject: str = Field(min_length=1, max_length=LINE_LIMIT, description="The subject line.")
    preheader: str | None = Field(None, max_length=LINE_LIMIT, description="Shown after the subject in an inbox.")
    html: str | None = Field(None, max_length=4 * TEXT_LIMIT, description="The message as HTML.")
    text: str | None = Field(None, max_length=TEXT_LIMIT, description="The message as plain text.")

    @model_validator(mode="after")
    def _has_a_body(self) -> EmailContent:
        if not self.html and not self.text:
            raise ValueError("an e-mail needs html, text, or both")
        return self


CHANNEL = Channel(
    key="email",
    title="E-mail",
    address_field="email",
    normalise=addresses.email,
    traced=traced,
    normalise_sender=addresses.email,
    parts={"subject": Part.LINE, "preheader": Part.LINE, "html": Part.HTML, "text": Part.TEXT},
    content_model=EmailContent,
    example_address="someone@example.com",
    example_content={"subject": "Order 42 is on its way", "html": "<p>It arrives on Tuesday.</p>"},
)
