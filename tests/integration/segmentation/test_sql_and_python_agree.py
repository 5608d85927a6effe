"""A tree of rules means the same in the database as in Python, whatever is unknown and whatever the time zone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmentation.compiler import compile_tree
from segmentation.person import Person
from segmentation.registry import rules
from segmentation.tree import holds, parse

AS_OF = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
#: Wall clocks, to be read in any zone.
FIRST, LAST = (AS_OF.replace(month=month, day=1, tzinfo=None) for month in (3, 4))
#: Over the rows that a test brings, under the name and with the types of the table.
ASK = """
SELECT r.id FROM jsonb_to_recordset(%(people)s::jsonb) AS r(id bigint, external_id text, email text, phone text,
  name text, locale text, timezone text, country text, attributes jsonb, last_login_at timestamptz)
WHERE {condition}
"""
NAMES = ("plan", "age", "born", "tags", "vip")
WORDS = (
    "gold",
    "Gold",
    "go",
    "ß",
    "SS",
    "İ",
    "2026-03-29",
    "2026-02-31",
    "2026-03-29T01:00:00+14:00",
    "2026-03-29x",
    "7",
)

text = st.one_of(st.sampled_from(WORDS), st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=6))
number = st.one_of(st.integers(-(10**20), 10**20), st.sampled_from([0, 7, 7.0, 0.1, -0.0, 1e300]), st.floats(-10, 10))
stored = st.one_of(st.none(), text, number, st.booleans(), st.lists(st.one_of(text, number), max_size=3), st.just({}))
moments = st.one_of(
    st.integers(0, 3).map(lambda days: AS_OF - timedelta(days=days)),
    st.datetimes(FIRST, LAST, timezones=st.timezones()),
    st.none(),
)
people = st.builds(
    Person,
    id=st.integers(1, 2**45),
    external_id=st.just("x"),
    created_at=st.just(AS_OF),
    email=st.one_of(st.none(), st.just("a@example.com")),
    phone=st.one_of(st.none(), st.just("+12025550123")),
    locale=st.sampled_from(["", "pt", "pt-BR", "ptx", "de"]),
    country=st.sampled_from(["", "DE", "AT"]),
    attributes=st.dictionaries(st.sampled_from(NAMES), stored, max_size=4),
    last_login_at=moments,
)


def attribute(kind: str, ops: list[str], value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fixed = {"rule": st.just("attribute"), "type": st.just(kind), "name": st.sampled_from(NAMES)}
    return st.fixed_dictionaries({**fixed, "op": st.sampled_from(ops), "value": value})


def rule(key: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"rule": st.just(key), **fields})


LEAVES = {
    "attribute": st.one_of(
        attribute("text", ["is", "is_not", "contains", "starts_with"], text.filter(bool)),
        attribute("number", ["is", "is_not", "less_than", "at_most", "more_than", "at_least"], number),
        attribute("boolean", ["is"], st.booleans()),
        attribute("date", ["before", "on", "after"], st.dates(date(2026, 2, 27), date(2026, 4, 1)).map(str)),
        attribute("list", ["has"], text.filter(bool)),
        attribute("any", ["exists", "missing"], st.none()),
    ),
    "country": rule("country", one_of=st.lists(st.sampled_from(["DE", "AT"]), min_size=1, max_size=2)),
    "last_login": st.one_of(
        rule("last_login", op=st.sampled_from(["more_than", "less_than"]), days=st.integers(0, 5)),
        rule("last_login", op=st.just("never")),
    ),
    "locale": rule("locale", one_of=st.lists(st.sampled_from(["pt", "pt-BR", "de"]), min_size=1, max_size=2)),
    "random": rule("random", percent=st.sampled_from([0, 12.5, 50, 100]), seed=st.sampled_from(["", "a %s", "b"])),
    "reachable": rule("reachable", channel=st.sampled_from(["email", "sms", "push", "in_app"])),
}
trees = st.recursive(
    st.one_of(*LEAVES.values()),
    lambda inner: st.builds(
        lambda kind, parts: {kind: parts}, st.sampled_from(["all", "any", "none"]), st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)


def test_every_rule_is_tried_here() -> None:
    assert set(LEAVES) == set(rules())


@pytest.fixture(scope="module")
def database(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@given(
    tree=trees,
    audience=st.lists(people, min_size=1, max_size=8, unique_by=lambda p: p.id),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns"]),
)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_database_and_python_choose_the_same_people(
    database: psycopg.Connection[Any], tree: Any, audience: list[Person], zone: str
) -> None:
    read = parse(tree)
    condition = compile_tree(read, as_of=AS_OF)
    database.execute("SELECT set_config('TimeZone', %s, false)", (zone,))
    rows = [asdict(p) | {"last_login_at": p.last_login_at and p.last_login_at.isoformat()} for p in audience]
    asked = {**condition.values, "people": json.dumps(rows, default=str)}
    found = {row[0] for row in database.execute(ASK.format(condition=condition.sql), asked)}
    assert found == {p.id for p in audience if holds(read, p, AS_OF)}
