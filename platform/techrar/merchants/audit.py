"""What was done in a merchant's name, and by whom? Written in the transaction of what it tells about."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from techrar.core.mode import Mode
from techrar.merchants.models import AuditEntry


def record(
    *,
    merchant_id: int,
    mode: Mode,
    actor: str,
    action: str,
    object_id: object,
    now: datetime,
    request_id: str = "",
    details: dict[str, Any] | None = None,
) -> AuditEntry:
    """`actor`: `key:<id>`, `user:<id>` or `system:<what>`. `action`: `<object>.<verb>`. `details` holds no secret."""
    return AuditEntry.objects.create(
        merchant_id=merchant_id,
        mode=mode.value,
        at=now,
        actor=actor,
        action=action,
        object_id=str(object_id),
        request_id=request_id,
        details=details or {},
    )
