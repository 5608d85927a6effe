"""Where does the recipient live?"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from segmentation.person import Person
from segmentation.rule import Asking, Rule

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}\z")]


class CountryRule(Rule):
    key: ClassVar[str] = "country"
    title: ClassVar[str] = "Country"

    one_of: list[Country] = Field(min_length=1, max_length=250, description="Two letters each, such as DE.")

    def sql(self, ask: Asking) -> str:
        return f"r.country = ANY({ask.bind(self.one_of, 'text[]')})"

    def holds(self, person: Person, as_of: datetime) -> bool:  # noqa: ARG002
        return person.country in self.one_of

    def describe(self) -> str:
        return f"whose country is {' or '.join(self.one_of)}"
