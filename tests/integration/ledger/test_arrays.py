"""What is written as the text of an array arrives as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from techrar.ledger.arrays import WRITERS
from tests.support.ledger import Ledger, ledger

__all__ = ["ledger"]

SOME: dict[str, st.SearchStrategy[Any]] = {
    "uuid": st.uuids(),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "float8": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "text": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    "timestamptz": st.datetimes(timezones=st.just(UTC)),
}


def test_every_writer_is_tried() -> None:
    assert set(SOME) == set(WRITERS)


@pytest.mark.parametrize("kind", SOME)
def test_values_of_every_type_come_back(kind: str, ledger: Ledger) -> None:
    write: Callable[[Any], str] = WRITERS[kind]

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.none() | SOME[kind], max_size=8))
    def check(values: list[Any]) -> None:
        assert ledger.one(f"SELECT %s::{kind}[]", (write(values),)) == values

    check()
