"""Whom does a send go to, when it names somebody we know?"""

from __future__ import annotations

from typing import Any


def addressed(to: Any, stored: Any | None) -> Any:
    """What the send says about its recipient, and what is stored for all that it does not say."""
    if stored is None:
        return to
    known = {name: value for name in type(to).model_fields if (value := getattr(stored, name, None))}
    said = {name: value for name, value in to if value is not None}
    return to.model_copy(update={**known, **said, "attributes": {**stored.attributes, **to.attributes}})
