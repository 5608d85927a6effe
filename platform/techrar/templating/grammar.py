"""Which templates may be saved?

An allow-list over the syntax tree: a construct that is not named here is refused, with its line and what to write
instead. This runs before anything is compiled, because Jinja2 computes constant expressions while it compiles.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from jinja2 import nodes

from techrar.templating import limits
from techrar.templating.filters import FILTERS, TESTS
from techrar.templating.problems import Code, Refused

_ALLOWED = {
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Assign, nodes.Name, nodes.Const,
    nodes.List, nodes.Tuple, nodes.Pair, nodes.Keyword, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Getattr,
    nodes.Getitem, nodes.Slice, nodes.Concat, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg,
    nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod,
}  # fmt: skip

_WHOLE_TEMPLATES = "one template cannot use another; write the text here"
_INSTEAD: dict[type[nodes.Node], str] = {
    nodes.Call: "calls are not available; use a filter, such as name|upper",
    nodes.Pow: "** is not available",
    nodes.Macro: "macros are not available; write the text out",
    nodes.CallBlock: "macros are not available; write the text out",
    nodes.Include: _WHOLE_TEMPLATES,
    nodes.Import: _WHOLE_TEMPLATES,
    nodes.FromImport: _WHOLE_TEMPLATES,
    nodes.Extends: _WHOLE_TEMPLATES,
    nodes.Block: _WHOLE_TEMPLATES,
    nodes.FilterBlock: "{% filter %} is not available; put the filter behind the value: {{ name|upper }}",
    nodes.AssignBlock: "{% set %} needs a value on the same line: {% set name = value %}",
    nodes.With: "{% with %} is not available; use {% set name = value %}",
    nodes.Scope: "{% autoescape %} is not available; HTML fields are escaped, text fields are not",
    nodes.Dict: "objects cannot be written in a template; send them in data",
}
_RESERVED = {"self", "super", "caller", "varargs", "kwargs"}


def check(tree: nodes.Template) -> int:
    """Raise `Refused` for the first thing that is not allowed; the number of nodes otherwise."""
    count = 0
    for node, depth, loops in _walk(tree):
        count += 1
        if count > limits.NODES:
            _refuse("too_complex", "this has too many parts; split the template or prepare values in data", node)
        if depth > limits.DEPTH:
            _refuse("too_complex", f"tags and expressions lie more than {limits.DEPTH} deep inside each other", node)
        if loops > limits.LOOP_DEPTH:
            _refuse("not_allowed", f"loops may be {limits.LOOP_DEPTH} deep; prepare the inner list in data", node)
        if type(node) not in _ALLOWED:
            message = _INSTEAD.get(type(node), f"{type(node).__name__} is not available")
            _refuse("not_allowed", message, node)
        rule = _RULES.get(type(node))
        if rule is not None:
            rule(node)
    return count


def _walk(tree: nodes.Node) -> Iterator[tuple[nodes.Node, int, int]]:
    """Every node in the order of the text, with how deep it lies; no recursion, the tree may be as deep as it likes."""
    waiting: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    while waiting:
        node, depth, loops = waiting.pop()
        loops += isinstance(node, nodes.For)
        yield node, depth, loops
        waiting += reversed([(child, depth + 1, loops) for child in node.iter_child_nodes()])


def _name(node: Any) -> None:
    if node.name.startswith("_") or node.name in _RESERVED:
        _refuse("not_allowed", f"{node.name} is not a name that a variable may have", node)


def _getattr(node: Any) -> None:
    if node.attr.startswith("_"):
        _refuse("not_allowed", f".{node.attr}: names that begin with _ are not available", node)


def _getitem(node: Any) -> None:
    if isinstance(node.arg, nodes.Const) and str(node.arg.value).startswith("_"):
        _refuse("not_allowed", f"[{node.arg.value!r}]: names that begin with _ are not available", node)


def _const(node: Any) -> None:
    value = node.value
    if isinstance(value, float) and not math.isfinite(value):
        _refuse("not_allowed", "this number is too large", node)
    if isinstance(value, int) and abs(value) > limits.INTEGER:
        _refuse("not_allowed", f"this number is larger than {limits.INTEGER}", node)


def _sequence(node: Any) -> None:
    if getattr(node, "ctx", "load") == "load" and not all(isinstance(part, nodes.Const) for part in node.items):
        _refuse("not_allowed", "a list written here may hold texts and numbers only; send other lists in data", node)


def _arithmetic(node: Any) -> None:
    for side in (node.left, node.right):
        if isinstance(side, nodes.Const) and not isinstance(side.value, int | float):
            _refuse("not_allowed", f"`{node.operator}` is for numbers only; join texts with ~", node)


def _for(node: Any) -> None:
    if node.recursive:
        _refuse("not_allowed", "recursive loops are not available", node)
    if isinstance(node.target, nodes.Tuple) and not all(isinstance(part, nodes.Name) for part in node.target.items):
        _refuse("not_allowed", "for takes simple names: {% for key, value in object|items %}", node)


def _assign(node: Any) -> None:
    if not isinstance(node.target, nodes.Name):
        _refuse("not_allowed", "{% set %} takes one simple name", node)


def _conditional(node: Any) -> None:
    if node.expr2 is None:
        _refuse("not_allowed", "an if inside {{ … }} needs an else: {{ a if b else c }}", node)


def _filter(node: Any) -> None:
    _known(node, "filter", FILTERS)


def _test(node: Any) -> None:
    _known(node, "test", TESTS)


def _known(node: Any, what: str, table: dict[str, Callable[..., Any]]) -> None:
    function = table.get(node.name)
    if function is None:
        _refuse("not_allowed", f"there is no {what} {node.name}; there are {', '.join(sorted(table))}", node)
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        _refuse("not_allowed", "* and ** are not available", node)
    given = [None] * (1 + hasattr(function, "jinja_pass_arg") + len(node.args))
    try:
        inspect.signature(function).bind(*given, **{pair.key: None for pair in node.kwargs})
    except TypeError as error:
        _refuse("not_allowed", f"{what} {node.name}: {error}", node)


def _refuse(code: Code, message: str, node: nodes.Node) -> NoReturn:
    lines = [part.lineno for part in (node, *node.iter_child_nodes()) if part.lineno]  # a scope itself has none
    raise Refused(code, message, lines[0] if lines else 1)


_RULES: dict[type[nodes.Node], Callable[[Any], None]] = {
    nodes.Name: _name,
    nodes.Getattr: _getattr,
    nodes.Getitem: _getitem,
    nodes.Const: _const,
    nodes.List: _sequence,
    nodes.Tuple: _sequence,
    nodes.Sub: _arithmetic,
    nodes.Mul: _arithmetic,
    nodes.Div: _arithmetic,
    nodes.FloorDiv: _arithmetic,
    nodes.Mod: _arithmetic,
    nodes.For: _for,
    nodes.Assign: _assign,
    nodes.CondExpr: _conditional,
    nodes.Filter: _filter,
    nodes.Test: _test,
}
