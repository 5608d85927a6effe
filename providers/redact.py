"""What of an exchange with a vendor may be kept?

Timelines and logs get a short text in which secrets and personal addresses are masked.
"""

from __future__ import annotations

import re

#: What a text must contain, what is looked for, and what stands in its place. A search costs more than a look whether
#: there is anything to find, and this runs for every message.
_MASKS = (
    ("", re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), r"\1 ***"),
    ("_", re.compile(r"\b(whsec|sk|pk|key|trk_live|trk_test)_[A-Za-z0-9+/=_-]{6,}"), r"\1_***"),
    ("", re.compile(r"(?i)(\"?(?:password|secret|token|api_?key|authorization)\"?\s*[:=]\s*\"?)[^\s\",&]+"), r"\1***"),
    (
        "@",
        re.compile(r"([A-Za-z0-9])[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{0,63}@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"),
        r"\1***@\2",
    ),
    ("+", re.compile(r"\+\d{4,11}(\d{3})\b"), r"+***\1"),
    # Some vendors write numbers without the +, under these names.
    (":", re.compile(r"(\"(?:to|input|wa_id)\"\s*:\s*\")\d{4,11}(\d{3})\b"), r"\1***\2"),
)


def redact(text: str, *, limit: int = 500) -> str:
    """At most `limit` characters, with credentials, e-mail addresses and phone numbers masked."""
    kept = text[: limit * 2]  # masking may shorten; nothing beyond can reach the result
    for needed, pattern, mask in _MASKS:
        if needed in kept:
            kept = pattern.sub(mask, kept)
    return kept if len(kept) <= limit else kept[:limit] + "…"
