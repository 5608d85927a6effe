"""Does any code outside a channel's own folder ask which channel it is dealing with?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.registry import channels

ROOT = Path(__file__).resolve().parents[3]
KEYS = set(channels())
FOLDERS = ("platform/techrar", "consumers", "frontend", "segmentation", "abtest", "ops", "providers")
_TEMPLATE_IF = re.compile(r"{%-?\s*(?:if|elif)[^%]*channel[^%]*[\"'](?:" + "|".join(KEYS) + r")[\"'][^%]*%}")


def own_folder(path: Path) -> bool:
    """`providers/<channel>/…`"""
    parts = path.relative_to(ROOT).parts
    return parts[0] == "providers" and parts[1] in KEYS


def sources(suffix: str) -> list[Path]:
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob(f"*{suffix}"))
    return sorted(path for path in found if not own_folder(path) and "migrations" not in path.parts)


def in_python(text: str) -> Iterator[int]:
    """Lines where something called a channel is compared with a channel's name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            sides = [node.subject, *(case.pattern for case in node.cases)]  # type: ignore[list-item]
        else:
            continue
        names = {word.value for side in sides for word in ast.walk(side) if isinstance(word, ast.Constant)}
        if names & KEYS and any("channel" in ast.unparse(side).lower() for side in sides):
            yield node.lineno


def in_template(text: str) -> Iterator[int]:
    for found in _TEMPLATE_IF.finditer(text):
        yield text.count("\n", 0, found.start()) + 1


def test_no_python_asks_for_a_channel_by_name() -> None:
    found = [f"{p.relative_to(ROOT)}:{line}" for p in sources(".py") for line in in_python(p.read_text())]
    assert found == [], "let the Channel or the Provider say it instead"


def test_no_template_asks_for_a_channel_by_name() -> None:
    found = [f"{p.relative_to(ROOT)}:{line}" for p in sources(".html") for line in in_template(p.read_text())]
    assert found == [], "let the Channel say it instead"


@pytest.mark.parametrize(
    "code",
    [
        "if channel == 'email': pass",
        "x = 1 if 'sms' != delivery.channel else 2",
        "if row['channel'] in ('push', 'web_push'): pass",
        "ok = message.channel_key not in {'chat'}",
        "match self.channel:\n  case 'email': pass",
        "match self.channel:\n  case 'fax' | 'sms': pass",
    ],
)
def test_such_a_question_would_be_found(code: str) -> None:
    assert list(in_python(code)) == [1]


@pytest.mark.parametrize("code", ["if kind == 'email': pass", "if channel == other: pass", "channel = 'email'"])
def test_what_is_no_such_question_is_left_alone(code: str) -> None:
    assert list(in_python(code)) == []


def test_such_a_question_in_a_template_would_be_found() -> None:
    assert list(in_template('<p>\n{% if delivery.channel == "email" %}')) == [2]
    assert list(in_template('{% if channel == other %}{% include "email.html" %}')) == []
