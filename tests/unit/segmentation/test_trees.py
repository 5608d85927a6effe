"""What a merchant writes is read as a tree, said in words, and refused with the place that is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from segmentation.compiler import compile_tree
from segmentation.describe import describe
from segmentation.person import Person
from segmentation.tree import DEEPEST, MOST_RULES, holds, parse
from techrar.core.errors import Invalid

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ANN = Person(1, "ann", NOW, email="a@example.com", country="DE", attributes={"plan": "gold"})
GERMAN = {"rule": "country", "one_of": ["DE"]}
GOLD = {"rule": "attribute", "name": "plan", "type": "text", "op": "is", "value": "gold"}


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        (None, "All recipients."),
        ({"any": []}, "Nobody."),
        (GERMAN, "Recipients whose country is DE."),
        ({"all": [GERMAN, GOLD]}, "Recipients whose country is DE and whose plan is “gold”."),
        (
            {"all": [GERMAN, {"none": [GOLD, {"rule": "last_login", "op": "never"}]}]},
            "Recipients whose country is DE and (not (whose plan is “gold” or who never logged in)).",
        ),
        ({"rule": "random", "percent": 12.5}, "Recipients in a random 12.5 %."),
        ({"rule": "reachable", "channel": "sms"}, "Recipients who can be reached by SMS."),
    ],
)
def test_a_tree_reads_as_a_sentence(tree: Any, sentence: str) -> None:
    assert describe(parse(tree)) == sentence


@pytest.mark.parametrize(
    ("tree", "field", "code"),
    [
        ([], "segment", "wrong_type"),
        ({"all": [], "any": []}, "segment", "invalid"),
        ({"some": []}, "segment", "invalid"),
        ({"all": GERMAN}, "segment", "wrong_type"),
        ({"all": [{"rule": "star_sign"}]}, "segment.all.0.rule", "not_allowed"),
        ({"all": [{"rule": ["country"]}]}, "segment.all.0.rule", "not_allowed"),
        ({"any": [GERMAN, {"rule": "country", "one_of": []}]}, "segment.any.1.one_of", "too_short"),
        ({"any": [GERMAN | {"of": 1}]}, "segment.any.0.of", "unknown_field"),
        ({"any": [GOLD | {"value": 7}]}, "segment.any.0", "invalid"),
        ({"any": [GOLD | {"op": "has"}]}, "segment.any.0", "invalid"),
        ({"rule": "last_login", "op": "never", "days": 3}, "segment", "invalid"),
        ({"rule": "reachable", "channel": "pigeon"}, "segment.channel", "invalid"),
        ({"all": [GERMAN] * (MOST_RULES + 1)}, "segment", "too_complex"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tree: Any, field: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(tree)
    assert (refused.value.errors[0].field, refused.value.errors[0].code) == (field, code)


def test_a_tree_has_an_end() -> None:
    tree: Any = GERMAN
    for _ in range(DEEPEST - 1):
        tree = {"all": [tree]}
    parse(tree)
    with pytest.raises(Invalid, match="deep"):
        parse({"all": [tree]})


def test_nothing_a_merchant_writes_is_part_of_the_sql() -> None:
    tree = {"all": [GOLD | {"name": "a' OR 1=1 --", "value": "%(x)s'"}, {"rule": "random", "percent": 5, "seed": "'"}]}
    condition = compile_tree(parse(tree), as_of=NOW)
    assert "1=1" not in condition.sql
    assert "%(x)s" not in condition.sql
    assert {"a' OR 1=1 --", "%(x)s'", "random|'|"} <= {v for v in condition.values.values() if isinstance(v, str)}


def test_groups_mean_what_they_say() -> None:
    yes, no = GERMAN, {"rule": "country", "one_of": ["AT"]}
    truth = {
        (kind, n): holds(parse({kind: parts}), ANN, NOW)
        for kind in ("all", "any", "none")
        for n, parts in enumerate([[], [yes], [no], [yes, no]])
    }
    assert [truth["all", n] for n in range(4)] == [True, True, False, False]
    assert [truth["any", n] for n in range(4)] == [False, True, False, True]
    assert [truth["none", n] for n in range(4)] == [True, False, True, False]
