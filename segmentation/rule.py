"""What is a rule?

A pydantic model of its parameters that says the same thing three times: in SQL, in Python, in words. A file below
`rules/` declares one, and nothing else in the house knows it by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from segmentation.person import Person
from techrar.core.registry import Registry

RULES: Registry[type[Rule]] = Registry("rule")


class Asking:
    """One compilation: the moment the audience is asked for, and the values that travel beside the SQL."""

    def __init__(self, as_of: datetime) -> None:
        self.as_of = as_of
        self.values: dict[str, Any] = {}

    def bind(self, value: Any, kind: str) -> str:
        """A placeholder for a value: no text of a merchant's is ever part of the SQL."""
        name = f"segment_{len(self.values)}"
        self.values[name] = value
        return f"%({name})s::{kind}"


class Rule(BaseModel, ABC):
    """In `sql` NULL means no, as it does in a WHERE; the compiler takes care of it below a `none`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    key: ClassVar[str] = ""
    title: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.key:
            RULES.add(cls.key, cls)

    @abstractmethod
    def sql(self, ask: Asking) -> str:
        """A condition on `r`, with every value bound."""

    @abstractmethod
    def holds(self, person: Person, as_of: datetime) -> bool:
        """The same for one person."""

    @abstractmethod
    def describe(self) -> str:
        """The same in words, to stand after "recipients whose …"."""
