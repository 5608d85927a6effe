"""Which partitions may a statement about these ids look into?"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from techrar.core.ids import floor_id, moment_of
from techrar.ledger.partitions import month_start, span

moments = st.datetimes(datetime(1970, 1, 1), datetime(9990, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def id_at(moment: datetime) -> UUID:
    return UUID(int=floor_id(moment).int | 0xABCDEF)


@given(st.lists(moments, min_size=1, max_size=20))
def test_the_span_is_whole_months_and_holds_every_id(times: list[datetime]) -> None:
    ids = [id_at(moment) for moment in times]
    lo, hi = span(ids)
    assert lo == floor_id(month_start(moment_of(min(ids))))
    assert hi.int + 1 == floor_id(month_start(moment_of(max(ids)), 1)).int
    assert all(lo <= i <= hi for i in ids)


def test_the_next_month_is_not_in_it() -> None:
    _, hi = span([id_at(datetime(2030, 5, 31, 23, 59, 59, tzinfo=UTC))])
    assert hi < floor_id(datetime(2030, 6, 1, tzinfo=UTC))


@given(st.lists(st.uuids(), min_size=1, max_size=5))
def test_ids_that_name_no_time_do_no_harm(ids: list[UUID]) -> None:
    """A vendor may send back anything."""
    lo, hi = span(ids)
    assert lo <= min(ids) <= max(ids) <= hi
