"""Which instant does a merchant mean?

A time with an offset is that instant. A time without one is what a clock in a named zone shows: where clocks go back it
is the first of the two, where they go forward and never show it, the moment they do.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from techrar.core.errors import invalid

FURTHEST = timedelta(days=3660)
YEARS = range(1970, 9000)  #: outside of these, arithmetic with offsets could overflow


def zone(name: str, *, field: str = "timezone") -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid(field, "unknown_timezone", "Must be an IANA time zone such as Europe/Berlin.") from None


def instant(when: datetime, *, local_to: ZoneInfo | None, field: str) -> datetime:
    """In UTC."""
    if when.year not in YEARS:
        raise invalid(field, "out_of_range", f"Must be a time between {YEARS.start} and {YEARS.stop}.")
    if when.tzinfo is not None:
        return when.astimezone(UTC)
    if local_to is None:
        raise invalid(field, "timezone_aware", "Must have an offset such as Z, or a `timezone` beside it.")
    return from_wall(when, local_to)


def from_wall(wall: datetime, there: ZoneInfo) -> datetime:
    first = wall.replace(tzinfo=there, fold=0).astimezone(UTC)
    if _wall(first, there) == wall:
        return first
    # A gap: read with the offset from after it, the time lies before the gap; with the one from before, after it.
    before = wall.replace(tzinfo=there, fold=1, microsecond=0).astimezone(UTC)
    seconds = range(int((first - before).total_seconds()) + 1)
    return before + timedelta(seconds=bisect_left(seconds, True, key=lambda s: _is_past(before, s, there, wall)))


def _is_past(start: datetime, seconds: int, there: ZoneInfo, wall: datetime) -> bool:
    return _wall(start + timedelta(seconds=seconds), there) > wall


def _wall(moment: datetime, there: ZoneInfo) -> datetime:
    return moment.astimezone(there).replace(tzinfo=None, fold=0)


def start(scheduled_at: datetime | None, *, now: datetime) -> datetime | None:
    """When to begin, or None for at once: what is past is sent now."""
    if scheduled_at is None or scheduled_at <= now:
        return None
    if scheduled_at - now > FURTHEST:
        raise invalid("scheduled_at", "too_far", "Must be within ten years.")
    return scheduled_at


def expiry(expires_at: datetime | None, *, begins: datetime) -> datetime | None:
    if expires_at is not None and expires_at <= begins:
        raise invalid("expires_at", "already_expired", "Must be after the time at which the message is sent.")
    return expires_at
