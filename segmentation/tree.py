"""What did a merchant write, and is it a tree of rules?

`{"all": […]}`, `{"any": […]}` and `{"none": […]}` hold rules and one another; a rule is `{"rule": "country", …}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from segmentation.person import Person
from segmentation.registry import rules
from segmentation.rule import Rule
from techrar.core.errors import FieldError, invalid
from techrar.core.validation import field_errors, invalid_fields

DEEPEST = 8
MOST_RULES = 100
GROUPS = ("all", "any", "none")


@dataclass(frozen=True, slots=True)
class Group:
    kind: str  #: all | any | none
    parts: tuple[Node, ...]


Node = Group | Rule
EVERYBODY = Group("all", ())


def parse(document: Any, *, at: str = "segment") -> Group:
    """Raise `Invalid` with every wrong field; null is everybody."""
    if document is None:
        return EVERYBODY
    reading = _Reading()
    node = reading.node(document, at, 1)
    if reading.errors:
        raise invalid_fields(tuple(reading.errors))
    assert node is not None
    if reading.count > MOST_RULES:
        raise invalid(at, "too_complex", f"Has {reading.count} rules; at most {MOST_RULES} are allowed.")
    return node if isinstance(node, Group) else Group("all", (node,))


def holds(node: Node, person: Person, as_of: datetime) -> bool:
    """Is this person in the audience?"""
    if isinstance(node, Rule):
        return node.holds(person, as_of)
    answers = (holds(part, person, as_of) for part in node.parts)
    return all(answers) if node.kind == "all" else any(answers) == (node.kind == "any")


class _Reading:
    """One pass over the document, collecting what is wrong instead of stopping at the first."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self.count = 0

    def node(self, document: Any, at: str, depth: int) -> Node | None:
        if isinstance(document, dict) and "rule" in document:
            return self._rule(document, at)
        if problem := _not_a_group(document, depth):
            self.errors.append(FieldError(at, *problem))
            return None
        ((kind, parts),) = document.items()
        read = [self.node(part, f"{at}.{kind}.{n}", depth + 1) for n, part in enumerate(parts)]
        return Group(kind, tuple(part for part in read if part is not None))

    def _rule(self, document: dict[str, Any], at: str) -> Rule | None:
        self.count += 1
        cls = rules().get(document["rule"]) if isinstance(document["rule"], str) else None
        if cls is None:
            self.errors.append(FieldError(f"{at}.rule", "not_allowed", f"Must be one of {', '.join(rules())}."))
            return None
        try:
            return cls.model_validate({name: value for name, value in document.items() if name != "rule"})
        except ValidationError as error:
            for wrong in field_errors(error.errors(include_url=False, include_input=False), model=cls):
                place = at if wrong.field == "body" else f"{at}.{wrong.field}"
                self.errors.append(FieldError(place, wrong.code, wrong.message))
            return None


def _not_a_group(document: Any, depth: int) -> tuple[str, str] | None:
    """A code and a sentence, or None when it is a group."""
    if not isinstance(document, dict):
        return "wrong_type", "Must be a JSON object."
    if len(document) != 1 or next(iter(document)) not in GROUPS:
        return "invalid", "Must have exactly one of `all`, `any` and `none`, or a `rule`."
    if not isinstance(next(iter(document.values())), list):
        return "wrong_type", "Must hold a list of rules and groups."
    if depth >= DEEPEST:
        return "too_complex", f"Lies more than {DEEPEST} deep."
    return None
