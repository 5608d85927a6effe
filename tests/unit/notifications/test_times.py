"""Which instant does a local time mean, also where clocks change?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from techrar.core.errors import Invalid
from techrar.notifications import times

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Casablanca",
)


def utc(text: str, zone: str) -> str:
    return times.from_wall(datetime.fromisoformat(text), ZoneInfo(zone)).isoformat()


def code(wrong: pytest.ExceptionInfo[Invalid]) -> tuple[str, str]:
    (error,) = wrong.value.errors
    return error.field, error.code


@pytest.mark.parametrize(
    ("wall", "zone", "instant"),
    [
        ("2026-01-15T09:00:00", "Europe/Berlin", "2026-01-15T08:00:00+00:00"),
        ("2026-07-15T09:00:00", "Europe/Berlin", "2026-07-15T07:00:00+00:00"),
        # Clocks go from 02:00 to 03:00: what they never show is the moment they jump.
        ("2026-03-29T01:59:59", "Europe/Berlin", "2026-03-29T00:59:59+00:00"),
        ("2026-03-29T02:00:00", "Europe/Berlin", "2026-03-29T01:00:00+00:00"),
        ("2026-03-29T02:30:00.25", "Europe/Berlin", "2026-03-29T01:00:00+00:00"),
        ("2026-03-29T02:59:59", "Europe/Berlin", "2026-03-29T01:00:00+00:00"),
        ("2026-03-29T03:00:00", "Europe/Berlin", "2026-03-29T01:00:00+00:00"),
        # Clocks go from 03:00 back to 02:00: the first of the two.
        ("2026-10-25T02:30:00", "Europe/Berlin", "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T03:00:00", "Europe/Berlin", "2026-10-25T02:00:00+00:00"),
        # Half an hour, and a whole day that Samoa never had.
        ("2026-10-04T02:15:00", "Australia/Lord_Howe", "2026-10-03T15:30:00+00:00"),
        ("2011-12-30T12:00:00", "Pacific/Apia", "2011-12-30T10:00:00+00:00"),
    ],
)
def test_a_local_time_is_one_instant(wall: str, zone: str, instant: str) -> None:
    assert utc(wall, zone) == instant


@settings(max_examples=300, deadline=None)
@given(
    some.datetimes(min_value=datetime(1975, 1, 1), max_value=datetime(2036, 1, 1)),  # noqa: DTZ001
    some.sampled_from(ZONES),
)
def test_it_is_the_first_instant_at_which_a_clock_there_shows_that_time_or_a_later_one(
    wall: datetime, zone: str
) -> None:
    there = ZoneInfo(zone)
    found = times.from_wall(wall, there)

    def shown(moment: datetime) -> datetime:
        return moment.astimezone(there).replace(tzinfo=None)

    assert shown(found) >= wall
    assert shown(found - timedelta(seconds=1)) < wall


def test_an_offset_is_believed_whatever_the_zone_beside_it() -> None:
    when = datetime.fromisoformat("2026-07-01T09:00:00+05:30")
    found = times.instant(when, local_to=ZoneInfo("Europe/Berlin"), field="scheduled_at")
    assert found.isoformat() == "2026-07-01T03:30:00+00:00"


def test_a_local_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Invalid) as wrong:
        times.instant(datetime(2026, 7, 1), local_to=None, field="expires_at")  # noqa: DTZ001
    assert code(wrong) == ("expires_at", "timezone_aware")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31T23:00:00Z"])
def test_times_that_nobody_means_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as wrong:
        times.instant(datetime.fromisoformat(text), local_to=None, field="scheduled_at")
    assert code(wrong) == ("scheduled_at", "out_of_range")


@pytest.mark.parametrize("name", ["", "Berlin", "Europe", "../../etc/passwd", "/etc/passwd", "a\0b", "Ä"])
def test_only_the_name_of_a_zone_is_one(name: str) -> None:
    with pytest.raises(Invalid) as wrong:
        times.zone(name, field="to.timezone")
    assert code(wrong) == ("to.timezone", "unknown_timezone")


def test_what_is_past_begins_at_once_and_what_is_too_far_never() -> None:
    assert times.start(None, now=NOW) is None
    assert times.start(NOW, now=NOW) is None
    later = NOW + timedelta(days=3660)
    assert times.start(later, now=NOW) == later
    with pytest.raises(Invalid) as wrong:
        times.start(later + timedelta(seconds=1), now=NOW)
    assert code(wrong) == ("scheduled_at", "too_far")


def test_a_message_must_begin_before_it_expires() -> None:
    assert times.expiry(None, begins=NOW) is None
    assert times.expiry(NOW + timedelta(seconds=1), begins=NOW) == NOW + timedelta(seconds=1)
    with pytest.raises(Invalid) as wrong:
        times.expiry(NOW, begins=NOW)
    assert code(wrong) == ("expires_at", "already_expired")
