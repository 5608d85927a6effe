"""Is this real? Every row a merchant owns is live or test, and test never reaches a real vendor."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    TEST = "test"
    LIVE = "live"

    @property
    def code(self) -> int:
        """How the ledger stores it."""
        return int(self is Mode.LIVE)

    @classmethod
    def from_code(cls, code: int) -> Mode:
        return cls.LIVE if code else cls.TEST
