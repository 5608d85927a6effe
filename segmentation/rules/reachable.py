"""Does the recipient have an address on a channel?"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import field_validator

from providers.registry import channels
from segmentation.person import ADDRESS_COLUMNS, Person
from segmentation.rule import Asking, Rule


class Reachable(Rule):
    key: ClassVar[str] = "reachable"
    title: ClassVar[str] = "Reachable on a channel"

    channel: str

    @field_validator("channel")
    @classmethod
    def _is_known(cls, key: str) -> str:
        if key not in channels():
            raise ValueError(f"Must be one of {', '.join(channels())}.")
        return key

    def sql(self, ask: Asking) -> str:  # noqa: ARG002
        column = self._column()
        return f"r.{column} IS NOT NULL" if column else "false"

    def holds(self, person: Person, as_of: datetime) -> bool:  # noqa: ARG002
        column = self._column()
        return column is not None and getattr(person, column) is not None

    def describe(self) -> str:
        return f"who can be reached by {channels()[self.channel].title}"

    def _column(self) -> str | None:
        return ADDRESS_COLUMNS.get(channels()[self.channel].address_field)
