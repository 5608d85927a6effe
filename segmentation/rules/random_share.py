"""Is the recipient among a random share of all? The same ones each time, unless the seed is another."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from segmentation.person import Person
from segmentation.rule import Asking, Rule
from techrar.core.hashing import RANGE, cut_text, hash32, hash_sql


class RandomShare(Rule):
    key: ClassVar[str] = "random"
    title: ClassVar[str] = "Random share"

    percent: float = Field(ge=0, le=100)
    seed: str = Field("", max_length=64, pattern=r"^[\x20-\x7e]*\z", description="Another seed, another choice.")

    def sql(self, ask: Asking) -> str:
        text = f"{ask.bind(f'random|{self.seed}|', 'text')} || r.id::text"
        return f"{hash_sql(text)} < {ask.bind(cut_text(self._cut()), 'text')}"

    def holds(self, person: Person, as_of: datetime) -> bool:  # noqa: ARG002
        return hash32(f"random|{self.seed}|{person.id}") < self._cut()

    def describe(self) -> str:
        return f"in a random {self.percent:g} %"

    def _cut(self) -> int:
        return int(RANGE * self.percent / 100)
