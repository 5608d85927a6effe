"""Which shapes of content do several channels share?"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from providers.channel import Content, Part

LINE_LIMIT = 2_000
TEXT_LIMIT = 65_536


class Text(Content):
    """Words and nothing else."""

    text: str = Field(min_length=1, max_length=TEXT_LIMIT, description="What the recipient reads.")


TEXT_PARTS = {"text": Part.TEXT}


class Card(Content):
    """What a screen shows: a title, a few words, perhaps a picture and somewhere to go."""

    title: str = Field(min_length=1, max_length=LINE_LIMIT, description="The first line, shown in bold.")
    body: str = Field(min_length=1, max_length=TEXT_LIMIT, description="The text below the title.")
    url: str | None = Field(None, max_length=LINE_LIMIT, description="Where a tap leads.")
    image: str | None = Field(None, max_length=LINE_LIMIT, description="Address of a picture.")
    data: dict[str, Any] | None = Field(None, description="JSON for the app; not shown.")


CARD_PARTS = {"title": Part.LINE, "body": Part.TEXT, "url": Part.URL, "image": Part.URL, "data": Part.DATA}
CARD_EXAMPLE = {"title": "Order 42 is on its way", "body": "It arrives on Tuesday.", "url": "https://shop.example/42"}
