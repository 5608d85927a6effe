"""How are notifications and deliveries named?

A delivery id is a UUID whose lowest 16 bits are its *leg*; leg 0 is the notification itself, so a notification's
deliveries are a primary-key range. The first 48 bits are milliseconds, so ids sort by time and partitions are id
ranges. What a run writes has derived ids, so that writing it twice is noticed: milliseconds of the run | 8 | 12 bits
of its id | 2 bits that every UUID has | 46 bits of recipient | leg.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

LEG_BITS = 16
LEG_MASK = (1 << LEG_BITS) - 1


def new_notification_id() -> UUID:
    """A time-ordered UUIDv7 with an empty leg."""
    return UUID(int=uuid7().int & ~LEG_MASK)


def delivery_id(notification: UUID, leg: int) -> UUID:
    if not 0 < leg <= LEG_MASK:
        raise ValueError(f"leg {leg} is outside 1..{LEG_MASK}")
    return UUID(int=notification.int | leg)


def run_prefix(ms: int, run: int) -> str:
    """The first 64 bits of all ids of a run, in hex. `ms` belongs to that run alone."""
    return f"{ms:012x}8{run & 0xFFF:03x}"


def run_delivery_id(prefix: str, recipient: int, leg: int) -> UUID:
    return UUID(prefix + f"{(1 << 63) | (recipient << LEG_BITS) | leg:016x}")


def run_delivery_id_sql(prefix: str, recipient: str, leg: int) -> str:
    """The same for SQL expressions."""
    return f"({prefix} || to_hex(({-(1 << 63)})::bigint | ({recipient} << {LEG_BITS}) | {leg}))::uuid"


def run_span(ms: int, run: int) -> tuple[UUID, UUID]:
    """Between which ids do all of a run lie? What lies there is the run's alone."""
    prefix = run_prefix(ms, run)
    return UUID(prefix + "8" + "0" * 15), UUID(prefix + "b" + "f" * 15)


def notification_id(delivery: UUID) -> UUID:
    return UUID(int=delivery.int & ~LEG_MASK)


def last_delivery_id(notification: UUID) -> UUID:
    """The upper end of a notification's primary-key range."""
    return UUID(int=notification.int | LEG_MASK)


def floor_id(moment: datetime) -> UUID:
    """The smallest id of a moment: where a partition begins."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def moment_of(identifier: UUID) -> datetime:
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, tz=UTC)


def parse_id(text: str) -> UUID | None:
    """An id from a URL, or None: what is not an id names no object."""
    try:
        return UUID(text)
    except ValueError:
        return None
