"""When did the recipient log in last?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from segmentation.person import Person
from segmentation.rule import Asking, Rule


class LastLogin(Rule):
    """Who never logged in did so neither more nor less than any number of days ago."""

    key: ClassVar[str] = "last_login"
    title: ClassVar[str] = "Last login"

    op: Literal["more_than", "less_than", "never"]
    days: int | None = Field(None, ge=0, le=3650, description="Days of 24 hours before the launch.")

    @model_validator(mode="after")
    def _has_days(self) -> LastLogin:
        if (self.days is None) != (self.op == "never"):
            raise ValueError("`more_than` and `less_than` need `days`; `never` has none.")
        return self

    def sql(self, ask: Asking) -> str:
        if self.op == "never":
            return "r.last_login_at IS NULL"
        sign = "<" if self.op == "more_than" else ">"
        return f"r.last_login_at {sign} {ask.bind(self._before(ask.as_of), 'timestamptz')}"

    def holds(self, person: Person, as_of: datetime) -> bool:
        at = person.last_login_at
        if self.op == "never" or at is None:
            return self.op == "never" and at is None
        return at < self._before(as_of) if self.op == "more_than" else at > self._before(as_of)

    def describe(self) -> str:
        if self.op == "never":
            return "who never logged in"
        return f"who last logged in {self.op.replace('_', ' ')} {self.days} days ago"

    def _before(self, as_of: datetime) -> datetime:
        return as_of - timedelta(days=self.days or 0)
