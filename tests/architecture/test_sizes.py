"""Modules and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("platform", "consumers", "providers", "segmentation", "abtest", "frontend", "ops")
MODULE_LINES, FUNCTION_LINES, TEST_LINES = 300, 50, 400
#: May only shrink: what is longer, and why it is one thing.
ALLOWED: dict[str, int] = {}


def modules(*folders: str) -> list[Path]:
    paths = [p for folder in folders for p in (ROOT / folder).rglob("*.py")]
    return [p for p in paths if "migrations" not in p.parts]


def test_no_module_is_too_long() -> None:
    long = {str(p.relative_to(ROOT)): n for p in modules(*SOURCES) if (n := lines(p)) > MODULE_LINES}
    assert long == ALLOWED


def test_no_test_module_is_too_long() -> None:
    assert {str(p.relative_to(ROOT)): n for p in modules("tests") if (n := lines(p)) > TEST_LINES} == {}


def test_the_usual_module_is_short() -> None:
    assert statistics.median(lines(p) for p in modules(*SOURCES) if lines(p) > 5) <= 150


def test_no_function_is_too_long() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.name}": length
        for path in modules(*SOURCES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}


def test_every_module_says_which_question_it_answers() -> None:
    silent = [
        str(p.relative_to(ROOT))
        for p in modules(*SOURCES)
        if lines(p) > 12 and not ast.get_docstring(ast.parse(p.read_text()))
    ]
    assert silent == []


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())
