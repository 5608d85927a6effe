"""What do `.`, `[]`, `+`, `~`, `==` and `for` do in a template?

Jinja2 would hand each of these to Python, which bounds nothing. `rewrite` therefore turns them into calls of the hidden
filters below, which read plain data only and pay for what they do. The names cannot be written in a template.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context, LoopContext
from markupsafe import Markup

from techrar.templating import limits
from techrar.templating.problems import Failure
from techrar.templating.values import Missing, kind, number, printed, text
from techrar.templating.work import Work

LOOP_WORDS = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem", "depth", "depth0"}
)
OUT, PATH, ITEM, SLICE, LOOP, CONCAT, COMPARE = ":out", ":path", ":item", ":slice", ":loop", ":concat", ":compare"


class RenderContext(Context):
    """Jinja2's context with the budget of this render."""

    work: Work


def _step(value: Any, key: Any, name: str) -> Any:
    try:
        if isinstance(value, dict):
            return value[key]
        if type(value) in (list, tuple, str) and type(key) is int:
            return value[key]
    except (LookupError, TypeError):
        return Missing(name=name)
    if type(value) is LoopContext and key in LOOP_WORDS:
        return getattr(value, key)
    return Missing(name=name)


def path(value: Any, keys: tuple[str | int, ...], name: str) -> Any:
    """`order.customer.name`, `items[0].price`: item access all the way, never an attribute of an object."""
    for key in keys:
        value = _step(value, key, name)
    return value


def item(value: Any, key: Any, name: str) -> Any:
    """`prices[currency]`."""
    if isinstance(key, Missing):
        key.fail()
    return _step(value, key, f"{name}[{text(key)[:50]}]")


@pass_context
def cut(context: RenderContext, value: Any, start: Any, stop: Any, step: Any, name: str) -> Any:
    """`items[:3]`."""
    if isinstance(value, Missing):
        value.fail()
    bounds = [None if bound is None else number(bound, "a slice") for bound in (start, stop, step)]
    if isinstance(value, Markup):
        value = text(value)
    if type(value) not in (list, str) or float in map(type, bounds) or bounds[2] == 0:
        raise Failure("wrong_type", f"{name} is {kind(value)}, from which this part cannot be taken")
    context.work.spend(1 + len(value))
    return value[slice(*bounds)]


@pass_context
def rounds(context: RenderContext, value: Any, cost: int, name: str) -> Any:
    """What a `for` goes through."""
    if isinstance(value, Missing):
        value.fail()
    if type(value) not in (list, tuple, dict):
        raise Failure("wrong_type", f"for needs a list, but {name} is {kind(value)}")
    context.work.loop(len(value), cost)
    return value


@pass_context
def concat(context: RenderContext, *values: Any) -> str:
    """`a ~ b`."""
    parts = [text(value) for value in values]
    context.work.copy(sum(map(len, parts)))
    return "".join(parts)


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}
_NUMBERS = (int, float)


@pass_context
def compare(context: RenderContext, left: Any, op: str, right: Any) -> bool:
    """`==`, `<`, `in`: between plain values, and of a plain value in a list, object or text."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS and op in _COMPARISONS:
        return bool(_COMPARISONS[op](left, right))
    for value in (left, right):
        if isinstance(value, Missing):
            value.fail()
        if type(value) in _SIZED:
            context.work.spend(len(value) >> 3)
    if op in ("in", "notin"):
        return _contains(left, right) is (op == "in")
    if type(left) in _CONTAINERS or type(right) in _CONTAINERS:
        raise Failure("wrong_type", "lists and objects cannot be compared; compare their length or one of their values")
    if op not in ("eq", "ne") and not (isinstance(left, str) and isinstance(right, str)):
        number(left, f"comparing with {kind(right)}")
        number(right, f"comparing with {kind(left)}")
    return bool(_COMPARISONS[op](left, right))


_CONTAINERS = (list, tuple, dict)
_SIZED = (str, Markup, *_CONTAINERS)


def _contains(member: Any, whole: Any) -> bool:
    if type(whole) in _CONTAINERS and type(member) not in _CONTAINERS:
        return member in whole
    if isinstance(whole, str) and isinstance(member, str):
        return str(member) in str(whole)
    raise Failure("wrong_type", f"{kind(member)} cannot be looked for in {kind(whole)}")


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def arithmetic(context: RenderContext, op: str, left: Any, right: Any) -> Any:
    """Numbers, and `+` of two texts. There is no `'a' * 10`, no `'%9d' % 1` and no `**`."""
    context.work.spend(1)
    if op == "+" and isinstance(left, str) and isinstance(right, str):
        context.work.copy(len(left) + len(right))
        return text(left) + text(right)
    left, right = number(left, f"`{op}`"), number(right, f"`{op}`")
    try:
        result = _ARITHMETIC[op](left, right)
    except ZeroDivisionError:
        raise Failure("wrong_type", f"`{op}` by zero") from None
    except OverflowError:
        result = float("inf")
    if not -limits.NUMBER <= result <= limits.NUMBER:
        raise Failure("too_large", f"the result of `{op}` is larger than {limits.NUMBER}")
    return result


HIDDEN: dict[str, Callable[..., Any]] = {
    OUT: printed,
    PATH: path,
    ITEM: item,
    SLICE: cut,
    LOOP: rounds,
    CONCAT: concat,
    COMPARE: compare,
}
