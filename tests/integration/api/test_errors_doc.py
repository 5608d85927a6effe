"""`docs/errors.md` lists every code a caller can meet, with its status and title."""

from __future__ import annotations

import re
from pathlib import Path

import techrar.api
import techrar.urls  # noqa: F401  # importing both imports whatever can be answered
from techrar.core.errors import Problem

ROWS = re.compile(r"^\| `(\w+)` \| (\d+) \| (.+?) \|", re.MULTILINE)
DOC = Path(__file__).resolve().parents[3] / "docs/errors.md"


def every(kind: type[Problem]) -> set[type[Problem]]:
    return {kind}.union(*(every(child) for child in kind.__subclasses__()))


def test_every_code_is_listed_and_nothing_else() -> None:
    known = {(kind.code, str(kind.status), kind.title) for kind in every(Problem) if kind.__module__[:8] == "techrar."}
    listed = set(ROWS.findall(DOC.read_text()))
    assert listed == known


def test_a_code_means_one_status() -> None:
    statuses: dict[str, set[int]] = {}
    for kind in every(Problem):
        statuses.setdefault(kind.code, set()).add(kind.status)
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}
