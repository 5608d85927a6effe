"""What of ours goes along with a rendered message?

What the send asked for; where it asked for nothing, what its category does. Free of Django: consumers ask for each
message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.registry import channels
from techrar.policy.categories import category
from techrar.tracking.links import Links


@dataclass(frozen=True, slots=True)
class Dressed:
    content: Mapping[str, Any]
    unsubscribe_url: str = ""


def dress(row: Any, request: Mapping[str, Any], content: Mapping[str, Any], *, links: Links) -> Dressed:
    traced = channels()[row.channel].traced
    if traced is None:
        return Dressed(content)
    known, asked = category(row.category), request.get("tracking", {})
    opens, clicks = asked.get("opens", known.tracked), asked.get("clicks", known.tracked)
    if not (opens or clicks or known.unsubscribable):
        return Dressed(content)
    marked = links.of(row)
    if opens or clicks:
        content = traced(content, marked.picture if opens else "", marked.click if clicks else None)
    return Dressed(content, marked.unsubscribe if known.unsubscribable else "")
