"""How is chance made repeatable? A number from a text, the same in Python and in SQL."""

from __future__ import annotations

from hashlib import md5

RANGE = 1 << 32


def hash32(text: str) -> int:
    """0 up to `RANGE`: the first eight hex digits of the text's MD5."""
    return int(md5(text.encode(), usedforsecurity=False).hexdigest()[:8], 16)


def hash_sql(text: str) -> str:
    """For an SQL expression of type text, what is compared with `cut_text`: the digits, which saves making numbers."""
    return f'md5({text}) COLLATE "C"'


def cut_text(cut: int) -> str:
    """Smaller than this in SQL is what is smaller than `cut` in Python."""
    return f"{cut:08x}" if cut < RANGE else "g"
