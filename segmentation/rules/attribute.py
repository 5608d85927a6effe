"""What does an attribute of the recipient say?

A value is only compared with its own kind: a number that was stored as text is no number. Dates are compared by the
calendar date that they begin with, as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, model_validator

from segmentation.person import Person
from segmentation.rule import Asking, Rule

Text = str
DATE = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([T ]|$)"
_DATE = re.compile(DATE.replace("$", r"\Z"))


@dataclass(frozen=True, slots=True)
class Op:
    sql: str  #: `{x}` is the stored value, `{v}` the rule's
    holds: Callable[[Any, Any], bool]
    words: str


EQUAL = Op("{x} = {v}", lambda x, v: bool(x == v), "is")
BEFORE = Op("{x} < {v}", lambda x, v: bool(x < v), "is less than")
AFTER = Op("{x} > {v}", lambda x, v: bool(x > v), "is more than")


@dataclass(frozen=True, slots=True)
class Kind:
    sql: str  #: the stored value as what it is compared as, or NULL when it is of another kind
    read: Callable[[Any], Any]  #: the same in Python
    bind: str
    ops: dict[str, Op]
    value: Callable[[Any], Any]  #: the rule's value as it is compared; ValueError when it is of another kind


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value or len(value) > 500:
        raise ValueError("`value` must be a text of 1 to 500 characters.")
    return value


def _number(value: Any) -> Decimal:
    number = _stored_number(value)
    if number is None:
        raise ValueError("`value` must be a number.")
    return number


def _flag(value: Any) -> bool:
    if value is not True and value is not False:
        raise ValueError("`value` must be true or false.")
    return bool(value)


def _day(value: Any) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise ValueError("`value` must be a date such as 2026-03-01.") from None


def _stored_number(value: Any) -> Decimal | None:
    return None if isinstance(value, bool) or not isinstance(value, int | float) else Decimal(str(value))


KINDS: dict[str, Kind] = {
    "text": Kind(
        "CASE WHEN jsonb_typeof({a}) = 'string' THEN {a} #>> '{{}}' END",
        lambda stored: stored if isinstance(stored, str) else None,
        "text",
        {
            "is": EQUAL,
            "is_not": Op("{x} <> {v}", lambda x, v: bool(x != v), "is not"),
            "contains": Op("strpos({x}, {v}) > 0", lambda x, v: v in x, "contains"),
            "starts_with": Op("starts_with({x}, {v})", lambda x, v: bool(x.startswith(v)), "starts with"),
        },
        _text,
    ),
    "number": Kind(
        "CASE WHEN jsonb_typeof({a}) = 'number' THEN ({a})::numeric END",
        _stored_number,
        "numeric",
        {
            "is": EQUAL,
            "is_not": Op("{x} <> {v}", lambda x, v: bool(x != v), "is not"),
            "less_than": BEFORE,
            "at_most": Op("{x} <= {v}", lambda x, v: bool(x <= v), "is at most"),
            "more_than": AFTER,
            "at_least": Op("{x} >= {v}", lambda x, v: bool(x >= v), "is at least"),
        },
        _number,
    ),
    "boolean": Kind(
        "CASE WHEN jsonb_typeof({a}) = 'boolean' THEN ({a})::boolean END",
        lambda stored: stored if isinstance(stored, bool) else None,
        "boolean",
        {"is": EQUAL},
        _flag,
    ),
    "date": Kind(
        "CASE WHEN jsonb_typeof({a}) = 'string' AND {a} #>> '{{}}' ~ '"
        + DATE.replace("{", "{{").replace("}", "}}")
        + "' THEN left({a} #>> '{{}}', 10) COLLATE \"C\" END",
        lambda stored: stored[:10] if isinstance(stored, str) and _DATE.match(stored) else None,
        "text",
        {
            "before": Op("{x} < {v}", BEFORE.holds, "is before"),
            "on": EQUAL,
            "after": Op("{x} > {v}", AFTER.holds, "is after"),
        },
        _day,
    ),
    "list": Kind(
        "CASE WHEN jsonb_typeof({a}) = 'array' THEN {a} END",
        lambda stored: stored if isinstance(stored, list) else None,
        "text",
        {"has": Op("{x} ? {v}", lambda x, v: v in x, "has")},
        _text,
    ),
}


class Attribute(Rule):
    key: ClassVar[str] = "attribute"
    title: ClassVar[str] = "Attribute"

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*\z")
    type: Literal["text", "number", "boolean", "date", "list", "any"]
    op: str = Field(description="`any`: exists, missing. Others: as their kind is compared.")
    value: Text | StrictInt | StrictFloat | StrictBool | None = None

    @model_validator(mode="after")
    def _fits(self) -> Attribute:
        ops = ("exists", "missing") if self.type == "any" else tuple(KINDS[self.type].ops)
        if self.op not in ops:
            raise ValueError(f"`op` must be one of {', '.join(ops)} for {self.type}.")
        if self.type != "any":
            KINDS[self.type].value(self.value)
        elif self.value is not None:
            raise ValueError(f"`{self.op}` has no `value`.")
        return self

    def sql(self, ask: Asking) -> str:
        stored = f"(r.attributes -> {ask.bind(self.name, 'text')})"
        if self.type == "any":
            return f"COALESCE(jsonb_typeof({stored}), 'null') {'<>' if self.op == 'exists' else '='} 'null'"
        kind = KINDS[self.type]
        value = ask.bind(kind.value(self.value), kind.bind)
        return kind.ops[self.op].sql.format(x=f"({kind.sql.format(a=stored)})", v=value)

    def holds(self, person: Person, as_of: datetime) -> bool:  # noqa: ARG002
        stored = person.attributes.get(self.name)
        if self.type == "any":
            return (stored is not None) == (self.op == "exists")
        kind = KINDS[self.type]
        read = kind.read(stored)
        return read is not None and kind.ops[self.op].holds(read, kind.value(self.value))

    def describe(self) -> str:
        if self.type == "any":
            return f"whose {self.name} is {'known' if self.op == 'exists' else 'not known'}"
        return f"whose {self.name} {KINDS[self.type].ops[self.op].words} {_quoted(self.value)}"


def _quoted(value: Any) -> str:
    return f"“{value}”" if isinstance(value, str) else str(value).lower()
