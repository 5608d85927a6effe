"""What is a channel?

A folder below `providers/` that declares one `CHANNEL`. Its address rule, its content and how each part is rendered
follow from here, and so do queues, API fields, templates and forms: nothing else in the house knows a channel by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class Part(StrEnum):
    """How a field of a channel's content is rendered."""

    LINE = "line"  #: one line of text: control characters and line breaks are stripped
    TEXT = "text"  #: plain text, not escaped
    HTML = "html"  #: escaped
    DATA = "data"  #: JSON; every string inside is rendered as text
    URL = "url"  #: an http(s) address


class Content(BaseModel):
    """The base of a channel's content, as merchants write it: templates, not yet rendered."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def one_line(text: str) -> str:
    """A name or number that may stand in a header: trimmed, not empty, without control characters."""
    trimmed = text.strip()
    if not trimmed or not trimmed.isprintable():
        raise ValueError("The value must be one line of text and not empty.")
    return trimmed


@dataclass(frozen=True, slots=True)
class Channel:
    key: str  #: lower case letters and underscores: part of queue names, URLs and metrics
    title: str
    address_field: str  #: its name in the API's `to`; two channels may share one
    normalise: Callable[[str], str]  #: one spelling per address; ValueError says in one sentence what is wrong
    parts: Mapping[str, Part]  #: every field of the content, in the order a form shows them
    content_model: type[Content]
    example_address: str
    example_content: Mapping[str, Any]
    #: Puts our links into its rendered content: from the address of a picture (empty: none) and a maker of a link's new
    #: address from its number and its old one (None: links stay). Without it, messages carry no links of ours at all.
    traced: Callable[[Mapping[str, Any], str, Callable[[int, str], str] | None], Mapping[str, Any]] | None = None
    normalise_sender: Callable[[str], str] = field(default=one_line)  #: the same for a sender's address

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z_]{0,23}", self.key):
            raise ValueError(f"channel key {self.key!r} must be lower case letters and underscores, 24 at most")
        if set(self.parts) != set(self.content_model.model_fields):
            raise ValueError(f"channel {self.key}: parts and content_model must name the same fields")
