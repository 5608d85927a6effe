"""Did a vendor give our delivery id back?"""

from __future__ import annotations

from typing import Any
from uuid import UUID


def delivery_id(echoed: Any) -> UUID | None:
    """None when it is missing, or when somebody else put something else there."""
    try:
        return UUID(echoed) if isinstance(echoed, str) else None
    except ValueError:
        return None
