"""What do all calls of the API share: how bodies are read, lists are paged and problems look?"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Entry = TypeVar("Entry")
View = TypeVar("View", bound=Callable[..., Any])

#: a name a person gave: no longer than a line, nothing that cannot be seen
ShortName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}")


def _written_time(value: Any) -> Any:
    """pydantic would take a number for seconds or milliseconds, whichever is nearer, and a date for its midnight."""
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC_3339.match(value)):
        return value
    raise ValueError("Must be a time such as 2026-03-01T09:00:00Z.")


def _in_utc(value: datetime) -> datetime:
    """PostgreSQL knows no offsets beyond sixteen hours, Python does."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("Must be a time between the years 1 and 9999.") from None


#: a time as RFC 3339 writes it; without an offset it is local to a zone that stands beside it
Time = Annotated[datetime, BeforeValidator(_written_time)]
#: a time with an offset
Moment = Annotated[AwareDatetime, BeforeValidator(_written_time), AfterValidator(_in_utc)]


class Body(BaseModel):
    """What a caller sends. An unknown field is refused: a misspelt one must not be lost in silence."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What a caller gets."""

    model_config = ConfigDict(from_attributes=True)


class ShownOnce(Answer):
    """An answer that holds a secret: a repeated Idempotency-Key is told so, and does not get it again."""

    id: str


def never_kept(view: View) -> View:
    """Marks a call that no Idempotency-Key makes safe to repeat: what it does, it does outside."""
    view.never_kept = True  # type: ignore[attr-defined]
    return view


class PageQuery(Body):
    limit: int = Field(50, ge=1, le=200, description="How many entries at most.")
    after: str | None = Field(None, max_length=512, description="`page_info.after` of the page before.")


class PageInfo(Answer):
    after: str | None = Field(description="Send it as `after` to get the next page.")
    has_more: bool


class Page(Answer, Generic[Entry]):
    entries: list[Entry]
    page_info: PageInfo


class WrongField(Answer):
    field: str = Field(description="Where, as a path: `to.email`, `messages.3.channels`.")
    code: str = Field(description="A stable word for what is wrong.")
    message: str = Field(description="What to write instead.")


class ProblemAnswer(Answer):
    """RFC 9457. `code` is a stable word from the documented list; branch on it, not on the sentences."""

    type: str
    title: str
    status: int
    code: str
    detail: str = Field(description="What is wrong, where, and what to do.")
    request_id: str = Field(description="The answer's X-Request-Id; name it in a report.")
    errors: list[WrongField]
