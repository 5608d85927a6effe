"""Which translation does a recipient get? `pt-BR`, else `pt`, else the text without a locale."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")

Content = Mapping[str, Mapping[str, Any]]


def normalise(tag: str) -> str | None:
    """`pt_br` is `pt-BR`, `ZH-hant-tw` is `zh-Hant-TW`; None for what is not a language tag."""
    language, *rest = tag.strip().replace("_", "-").split("-")
    parts = [part.title() if len(part) == 4 else part.upper() for part in rest]
    spelled = "-".join([language.lower(), *parts])
    return spelled if _TAG.fullmatch(spelled) else None


def fallbacks(tag: str) -> list[str]:
    """From the most particular to the most general; nothing for an unknown tag, which is no reason not to send."""
    spelled = normalise(tag)
    if spelled is None:
        return []
    parts = spelled.split("-")
    return ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]


def localised(content: Content, translations: Mapping[str, Content], locale: str) -> dict[str, Mapping[str, Any]]:
    """Each channel in the nearest locale that has it."""
    chosen = dict(content)
    for tag in reversed(fallbacks(locale)):
        chosen |= translations.get(tag, {})
    return chosen


def locale_of(channel: str, translations: Mapping[str, Content], locale: str) -> str:
    """In which locale a channel was found; empty for the text without one."""
    return next((tag for tag in fallbacks(locale) if channel in translations.get(tag, {})), "")
