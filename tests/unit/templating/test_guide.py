"""Does the merchants' guide say what the language does?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from techrar.templating import limits
from techrar.templating.filters import FILTERS, TESTS
from techrar.templating.operators import LOOP_WORDS
from techrar.templating.problems import Code
from techrar.templating.sandbox import compile_source
from tests.unit.templating.language import run

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs/templates.md").read_text()


def section(title: str) -> str:
    return GUIDE.split(f"# {title}\n", 1)[1].split("\n#", 1)[0]


def names_in(cells: list[str]) -> set[str]:
    return {name for cell in cells for name in re.findall(r"`(\w+)", cell)}


def first_cells(title: str) -> list[str]:
    rows = [line.split("|")[1] for line in section(title).splitlines() if line.startswith("| `")]
    assert rows
    return rows


def test_every_filter_is_listed_and_no_other() -> None:
    assert names_in(first_cells("Filters")) == set(FILTERS)


def test_every_test_is_listed_and_no_other() -> None:
    assert names_in([section("Tests").split(":", 1)[0]]) == set(TESTS)


def test_every_word_of_a_loop_is_listed() -> None:
    assert set(re.findall(r"`(?:loop)?\.(\w+)`", section("What can be written"))) == LOOP_WORDS


@pytest.mark.parametrize("example", re.findall(r"```jinja\n(.*?)```", GUIDE, re.DOTALL))
def test_every_example_may_be_saved(example: str) -> None:
    compile_source(example, escape=False)


def test_the_first_example_reads_well() -> None:
    example = re.findall(r"```jinja\n(.*?)```", GUIDE, re.DOTALL)[0]
    order = {"number": "A-1", "items": [{"name": "Pen", "quantity": 2, "price": "1.50"}], "discount": "0.50"}
    assert run(example, order=order, recipient={"name": "Ann"}) == (
        "Hi Ann, your order A-1 is on its way.\n1. Pen (2 × 1.50)\nYou saved 0.50.\n"
    )


def test_the_limits_are_those_in_force() -> None:
    table = section("Limits")
    for limit in (
        limits.SOURCE_CHARS,
        limits.NODES,
        limits.TAG_CHARS,
        limits.CONTENT_NODES,
        limits.VERSION_BYTES,
        limits.DEPTH,
        limits.ITERATIONS,
        limits.FUEL,
        limits.OUTPUT_CHARS,
    ):
        assert f"{limit:,}" in table
    assert limits.TEXT_CHARS == limits.OUTPUT_CHARS
    assert (limits.LOOP_DEPTH, limits.INTEGER, limits.NUMBER) == (2, 10**15, 10**18)


def test_every_error_code_is_listed_and_no_other() -> None:
    assert names_in(first_cells("Errors")) == set(get_args(Code))
