"""Which language does the recipient read? `pt` includes `pt-BR`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from segmentation.person import Person
from segmentation.rule import Asking, Rule

Tag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?\z")]


class LocaleRule(Rule):
    key: ClassVar[str] = "locale"
    title: ClassVar[str] = "Language"

    one_of: list[Tag] = Field(min_length=1, max_length=100, description="Language tags, such as de or pt-BR.")

    def sql(self, ask: Asking) -> str:
        return f"r.locale || '-' LIKE ANY({ask.bind([f'{tag}-%' for tag in self.one_of], 'text[]')})"

    def holds(self, person: Person, as_of: datetime) -> bool:  # noqa: ARG002
        return f"{person.locale}-".startswith(tuple(f"{tag}-" for tag in self.one_of))

    def describe(self) -> str:
        return f"whose language is {' or '.join(self.one_of)}"
