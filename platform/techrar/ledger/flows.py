"""What shares a place in the line, and who may stop it?

A flow is one row, so that pausing a million deliveries is one update; the relay reads it before it reserves, the
claim returns it to policy. A brake stops or slows an installation, a merchant or a channel in the same two places.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class FlowState(IntEnum):
    ACTIVE = 1
    PAUSED = 2
    CANCELLED = 3
    HELD = 4  #: by the service: a canary that waits, an account in trouble


@dataclass(frozen=True, slots=True)
class Brake:
    scope: str  #: installation | merchant | channel
    subject: str
    rate: int  #: deliveries per second; 0 stops


def strictest(brakes: Iterable[Brake], *, merchant_id: int, channel: str) -> int | None:
    """The lowest rate that holds for this merchant and channel, or None when no brake does."""
    subjects = {"installation": "", "merchant": str(merchant_id), "channel": channel}
    rates = [b.rate for b in brakes if subjects.get(b.scope) == b.subject]
    return min(rates) if rates else None


#: Is a flow `f` stopped by a brake?
BRAKED = """EXISTS (SELECT FROM brake b WHERE b.rate = 0 AND b.subject =
    CASE b.scope WHEN 'installation' THEN '' WHEN 'merchant' THEN f.merchant_id::text ELSE f.channel END)"""

#: The flow of a send that is not a campaign's. `DO UPDATE` so that the row comes back when another made it first.
ENSURE_FLOW = """
INSERT INTO flow AS f (merchant_id, mode, channel, run_id, birth_priority, priority)
VALUES (%(merchant)s, %(mode)s, %(channel)s, %(run)s, %(priority)s, %(priority)s)
ON CONFLICT (merchant_id, mode, channel, run_id, birth_priority) DO UPDATE SET run_id = f.run_id
RETURNING id
"""
