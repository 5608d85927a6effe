"""What fills a template's places, in the only form that every vendor takes: texts, in order or by name?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.errors import Permanent
from providers.messages import Reason


def filled(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and text of each place; the names are empty where the merchant gave a list."""
    given = content.get("parameters") or []
    named = given.items() if isinstance(given, Mapping) else (("", value) for value in given)
    return [(name, _text(name or str(place), value)) for place, (name, value) in enumerate(named, 1)]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Permanent(Reason.UNSUPPORTED, f"template parameter {name} must be a text or a number")
    return str(value)
