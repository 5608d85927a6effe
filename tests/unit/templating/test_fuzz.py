"""Whatever is written and whatever is sent: a text comes out, or one of our own failures, soon."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from techrar.templating import limits
from techrar.templating.filters import FILTERS, TESTS
from techrar.templating.problems import Failure, Refused
from techrar.templating.sandbox import compile_source
from techrar.templating.work import Work

SOON = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
SECONDS = 0.5  # an attack would take minutes; a machine that is busy with other tests takes its time, too

NAMES = st.sampled_from(["a", "b", "items", "order", "nothing", "loop"])
CONSTANTS = st.one_of(
    st.integers(-(10**16), 10**16).map(str),
    st.floats().map(str),
    st.text("ab<&'\\\"é😀\n ", max_size=8).map(repr),
    st.sampled_from(["true", "none", "[]", "[1, 'a']", "('a',)", "{}", "[a]"]),
)


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "//", "%", "~", "<", "==", ">=", " in ", " and ", " or ", "**"])
    arguments = st.lists(inner, max_size=3).map(lambda parts: f"({', '.join(parts)})" if parts else "")
    return st.one_of(
        st.tuples(inner, operators, inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
        st.tuples(inner, st.sampled_from(sorted(FILTERS)), arguments).map(lambda p: f"{p[0]}|{p[1]}{p[2]}"),
        st.tuples(inner, st.sampled_from(sorted(TESTS)), arguments).map(lambda p: f"({p[0]} is {p[1]}{p[2]})"),
        st.tuples(inner, st.sampled_from([".b", ".items", "[0]", "[-1]", "['b']", "[1:]", "[::2]", "[b]"])).map(
            "".join
        ),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
        inner.map(lambda part: f"-{part}"),
        inner.map(lambda part: f"not {part}"),
    )


EXPRESSIONS = st.recursive(NAMES | CONSTANTS, _combined, max_leaves=8)


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(EXPRESSIONS, inner).map(lambda p: f"{{% for a in {p[0]} %}}{p[1]}{{% endfor %}}"),
        st.tuples(EXPRESSIONS, inner, inner).map(lambda p: f"{{% if {p[0]} %}}{p[1]}{{% else %}}{p[2]}{{% endif %}}"),
        st.tuples(NAMES, EXPRESSIONS, inner).map(lambda p: f"{{% set {p[0]} = {p[1]} %}}{p[2]}"),
        st.tuples(inner, inner).map("".join),
    )


TEMPLATES = st.recursive(
    EXPRESSIONS.map(lambda e: f"{{{{ {e} }}}}") | st.text("ab<\n", max_size=5), _blocks, max_leaves=6
)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(["a", "b", "items"]), inner, max_size=3)
    ),
    max_leaves=12,
)
DATA = st.dictionaries(st.sampled_from(["a", "b", "items", "order"]), VALUES, max_size=4)


def settle(source: str, data: dict[str, Any], escape: bool) -> str | None:
    """The text, or None when one of our own failures said why there is none."""
    text, said = None, None
    start = time.thread_time()
    try:
        text = compile_source(source, escape=escape).run(data, Work())
    except (Refused, Failure) as ours:
        said = ours.message
    assert time.thread_time() - start < SECONDS
    assert text is not None or said
    return text


@SOON
@given(TEMPLATES, DATA, st.booleans())
def test_what_looks_like_a_template(source: str, data: dict[str, Any], escape: bool) -> None:
    text = settle(source, data, escape)
    if text is not None:
        assert len(text) <= limits.OUTPUT_CHARS
        assert "\x00" not in text
        text.encode()


@SOON
@given(st.text("{}%#-+*/~|.()[]'\"ab1 \n", max_size=60), DATA)
def test_what_hardly_looks_like_one(source: str, data: dict[str, Any]) -> None:
    settle("{{ " + source, data, escape=True)
    settle(source, data, escape=False)


@SOON
@given(EXPRESSIONS, DATA)
def test_in_html_no_value_makes_a_tag(expression: str, data: dict[str, Any]) -> None:
    text = settle(f"{{{{ {expression} }}}}", data, escape=True)
    assert text is None or not {"<", ">", '"'} & set(text)
