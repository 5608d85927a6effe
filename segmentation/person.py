"""What may a rule ask about a recipient?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

#: field of a send's `to` -> the recipient's column that holds it; channels with other addresses reach nobody yet
ADDRESS_COLUMNS = {"email": "email", "phone": "phone", "recipient": "external_id"}


@dataclass(frozen=True, slots=True)
class Person:
    """One row of `recipient`, under the same names. In SQL it is called `r`."""

    id: int
    external_id: str
    created_at: datetime
    email: str | None = None
    phone: str | None = None
    name: str = ""
    locale: str = ""
    timezone: str = ""
    country: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    last_login_at: datetime | None = None
