"""How is chance made repeatable? A number from a text, the same in Python and in SQL."""

from __future__ import annotations

from hashlib import md5

RANGE = 1 << 32


def hash32(text: str) -> int:
    """0 up to `RANGE`: the first eight hex digits of the text's MD5."""
    return int(md5(text.encode(), usedforsecurity=False).hexdigest()[:8], 16)


def hash32_sql(text: str) -> str:
    """The same for an SQL expression of type text."""
    return f"('x' || left(md5({text}), 8))::bit(32)::bigint"
