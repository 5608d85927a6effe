"""Does any template take more than its share of time or memory, or reach more than its data?"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from techrar.templating import limits, sandbox
from techrar.templating.cache import WeightedCache
from techrar.templating.problems import Failure, Refused
from techrar.templating.sandbox import compile_source
from techrar.templating.work import Work
from tests.unit.templating.attacks import BOUNDED, DATA, REFUSED
from tests.unit.templating.language import failing, run

SECONDS = 0.1
BYTES = 10_000_000


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_CACHE", WeightedCache(limits.CACHED_NODES))


def cost(action: Callable[[], Any]) -> tuple[float, int]:
    """CPU seconds, at best of three where it matters, and the most memory at once."""
    slower = 5 if sys.gettrace() else 1  # watched line by line, as coverage does it
    best = float("inf")
    for _ in range(3):
        start = time.thread_time()
        action()
        best = min(best, (time.thread_time() - start) / slower)
        if best < SECONDS / 2:
            break
    tracemalloc.start()
    action()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return best, peak


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED)
def test_it_is_refused_when_it_is_saved(source: str) -> None:
    def save() -> None:
        with pytest.raises(Refused) as caught:
            compile_source(source, escape=True)
        assert caught.value.message
        assert caught.value.line >= 1

    seconds, peak = cost(save)
    assert seconds < SECONDS
    assert peak < BYTES


@pytest.mark.parametrize("source", BOUNDED.values(), ids=BOUNDED)
def test_it_is_cheap_or_stops_by_itself(source: str) -> None:
    def save() -> None:
        sandbox._compile(source, True)

    def render() -> None:
        with suppress(Failure):
            assert len(program.run(DATA, Work())) <= limits.OUTPUT_CHARS

    program = compile_source(source, escape=True)
    for action in (save, render):
        seconds, peak = cost(action)
        assert seconds < SECONDS
        assert peak < BYTES


class Recorder:
    """Stands for an object that somebody passed by mistake."""

    secret = "s3cret"

    def __init__(self) -> None:
        self.touched = False

    def delete(self) -> str:
        self.touched = True
        return "gone"

    def __str__(self) -> str:
        self.touched = True
        return "printed"

    def __eq__(self, other: object) -> bool:
        self.touched = True
        return True

    def __hash__(self) -> int:
        self.touched = True
        return 1

    def __getitem__(self, key: object) -> str:
        self.touched = True
        return "item"

    def __iter__(self) -> Any:
        self.touched = True
        return iter("abc")

    def __len__(self) -> int:
        self.touched = True
        return 3

    def __add__(self, other: object) -> str:
        self.touched = True
        return "sum"

    def __neg__(self) -> str:
        self.touched = True
        return "negative"


@pytest.mark.parametrize(
    "source",
    [
        "{{ x }}", "{{ x.secret }}", "{{ x['secret'] }}", "{{ x[0] }}", "{{ x[1:] }}", "{{ x|upper }}", "{{ x|join }}",
        "{{ x|length }}", "{{ x|first }}", "{{ x|items }}", "{{ x ~ 'a' }}", "{{ x + 1 }}", "{{ -x }}", "{{ x < 1 }}",
        "{{ 'a' in x }}", "{% for i in x %}{% endfor %}", "{{ x|int }}", "{{ x|round }}", "{{ x|e }}",
    ],
)  # fmt: skip
def test_an_object_that_is_not_data_gives_nothing_away(source: str) -> None:
    stranger = Recorder()
    failing(source, x=stranger)
    assert not stranger.touched


def test_nothing_is_reachable_even_where_checking_and_rewriting_were_forgotten() -> None:
    environment = sandbox.BoundedEnvironment(escape=False)
    stranger = Recorder()
    for source in ("{{ x.secret }}", "{{ x['secret'] }}", "{{ x.delete() }}", "{{ x() }}", "{{ ''.__class__ }}"):
        with pytest.raises(Failure):
            environment.from_string(source).render(x=stranger)
    assert not stranger.touched


def refusal_of(source: str) -> Refused | None:
    try:
        compile_source(source, escape=True)
    except Refused as refusal:
        return refusal
    return None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("(1 if ", " else 2)"), ("a|default(", ")"), ("not ", ""), ("-", ""), ("1 + (", ")"), ("b[", "]"),
        ("(1, 2)|join(", ")"), ("b.c[", "].d"), ("(a and ", ")"), ("a ~ (", ")"), ("1 < (", ")"), ("b[", ":]"),
        ("1 }}{% if a %}{{ ", " }}{% endif %}{{ 1"), ("1 }}{% if a %}{% elif b %}{{ ", " }}{% endif %}{{ 1"),
    ],
)  # fmt: skip
def test_whatever_is_not_too_deep_can_be_compiled(before: str, after: str) -> None:
    """Python's own limits for nesting lie beyond ours: it is always ours that says no."""
    refusals = [refusal_of("{{ " + before * depth + "a" + after * depth + " }}") for depth in range(limits.DEPTH + 1)]
    assert not any(refusals[:10])
    assert refusals[-1]
    assert {refusal.code for refusal in refusals if refusal} == {"too_complex"}


def test_a_template_cannot_change_the_data_for_the_next_field() -> None:
    data: dict[str, Any] = {"order": {"total": 1}, "items": [1]}
    run("{% set order = 5 %}{% set items = 6 %}{{ order }}{{ items }}", **data)
    assert data == {"order": {"total": 1}, "items": [1]}


def test_the_budget_is_one_for_all_fields_of_a_message() -> None:
    program = compile_source("{% for i in numbers %}{% endfor %}", escape=False)
    work = Work()
    program.run({"numbers": list(range(6_000))}, work)
    with pytest.raises(Failure, match="more than 10000 times"):
        program.run({"numbers": list(range(6_000))}, work)


def test_what_takes_too_long_all_the_same_is_stopped_by_the_clock() -> None:
    """Should an operation cost more than it pays for, the CPU time of this thread is the second net."""
    program = compile_source("{% for i in numbers %}{% set v = text ~ i %}{% endfor %}", escape=False)
    data = {"numbers": list(range(100)), "text": "x" * 4_000}
    slow, fast = iter([0.0, 0.1, 0.7]), iter([0.0, 0.1, 0.2, 0.3])
    with pytest.raises(Failure, match="costs too much"):
        program.run(data, Work(clock=lambda: next(slow)))
    program.run(data, Work(clock=lambda: next(fast)))


def test_what_is_in_use_is_compiled_once() -> None:
    assert compile_source("{{ a }}", escape=True) is compile_source("{{ a }}", escape=True)
    assert compile_source("{{ a }}", escape=True) is not compile_source("{{ a }}", escape=False)


def test_compiled_templates_are_remembered_only_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    cache: WeightedCache[tuple[str, bool], Any] = WeightedCache(1_000)
    monkeypatch.setattr(sandbox, "_CACHE", cache)
    for number in range(40):
        compile_source(f"{number}" + "{{ a }}" * 40, escape=False)
    assert 1 < len(cache) < 20
