"""How do hundreds of values travel to the database in one parameter?

As the text of a PostgreSQL array, made by one join: adapting each value by itself costs the client more than the
statement costs the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID


def uuids(values: Iterable[UUID | None]) -> str:
    return "{" + ",".join(["NULL" if v is None else v.hex for v in values]) + "}"


def numbers(values: Iterable[float | None]) -> str:
    return "{" + ",".join(["NULL" if v is None else str(v) for v in values]) + "}"


def booleans(values: Iterable[bool | None]) -> str:
    return "{" + ",".join(["NULL" if v is None else "t" if v else "f" for v in values]) + "}"


def texts(values: Iterable[str | None]) -> str:
    return "{" + ",".join(["NULL" if v is None else _quoted(v) for v in values]) + "}"


def times(values: Iterable[datetime | None]) -> str:
    return "{" + ",".join(["NULL" if v is None else _quoted(v.isoformat()) for v in values]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if text else '""'


#: By the type of the array's elements.
WRITERS: dict[str, Callable[[Any], str]] = {
    "uuid": uuids,
    "smallint": numbers,
    "bigint": numbers,
    "float8": numbers,
    "boolean": booleans,
    "text": texts,
    "timestamptz": times,
}
