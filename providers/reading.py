"""How is a vendor's JSON read without trusting its shape?

Every function takes anything and answers with the wanted type, or with the nothing of that type.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from providers.errors import BadReceipt


def body(raw: bytes) -> Any:
    """A receipt's body as JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise BadReceipt("its body is not JSON") from None


def loose(raw: bytes) -> Any:
    """A body as JSON, or None: for what is a failure in any case, or may be a form."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def dig(value: Any, *path: str | int) -> Any:
    """What lies at the end of the path, or None where it breaks off."""
    for step in path:
        if isinstance(value, Mapping) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def code(value: Any) -> str:
    """A vendor's word for something, which may be a number."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def delivery_id(value: Any) -> UUID | None:
    """Our id as a vendor gives it back; None for what never was one."""
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        return None


def moment(value: Any, otherwise: datetime) -> datetime:
    """Seconds since 1970 or an ISO date, always with a zone."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(value)
    except (ValueError, TypeError, OverflowError, OSError):
        return otherwise
    return found if found.tzinfo else found.replace(tzinfo=UTC)
