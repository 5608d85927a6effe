"""How urgent is a message? Smaller goes first; critical has a lane of its own."""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    CRITICAL = 0
    HIGH = 1
    MEDIUM = 2
    LOW = 3

    @property
    def word(self) -> str:
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Priority:
        return cls[word.upper()]


WORDS = tuple(p.word for p in Priority)
