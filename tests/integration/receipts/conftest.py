"""Receipts as they lie in the database, and the process that applies them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from techrar.receipts import sql
from techrar.receipts.apply import apply
from tests.support.ledger import Ledger, ledger

__all__ = ["ledger"]
NOON = datetime(2031, 1, 1, 12, tzinfo=UTC)
_serial = count(1)


@dataclass
class Said:
    """One thing that a vendor says."""

    kind: str
    delivery: UUID | None = None
    vendor_id: str = ""
    at: datetime = NOON
    event_id: str = field(default_factory=lambda: f"event-{next(_serial)}")
    reason: str = ""
    permanent: bool = False
    machine: bool = False


class Desk:
    """Where receipts arrive and are applied."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def store(self, *said: Said, merchant: int = 1, mode: int = 0, account: int = 5) -> int:
        """As the endpoint does; answers how many were new."""
        values: dict[str, Any] = {
            "account": account,
            "merchant": merchant,
            "mode": mode,
            "event_id": [s.event_id for s in said],
            "kind": [s.kind for s in said],
            "at": [s.at for s in said],
            "delivery_id": [s.delivery for s in said],
            "vendor_id": [s.vendor_id for s in said],
            "reason": [s.reason for s in said],
            "permanent": [s.permanent for s in said],
            "machine": [s.machine for s in said],
            "raw": ["{}" for _ in said],
        }
        return self.ledger.connection.execute(sql.STORE, values).rowcount

    def apply(self, *, limit: int = 500) -> int:
        """Everything that waits now."""
        return int(self.ledger._run(lambda connection: apply(connection, shard=0, limit=limit)))

    def waiting(self) -> int:
        return int(self.ledger.one("SELECT count(*) FROM receipt WHERE try_at IS NOT NULL"))


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    return Desk(ledger)
