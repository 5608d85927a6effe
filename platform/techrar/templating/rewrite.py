"""How do the operators of a template come to be bounded?

The checked syntax tree is rewritten so that every access, comparison, concatenation, loop and output goes through one
of the hidden filters of `operators`. What a loop costs per round is counted here, once, and written into the tree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from techrar.templating.operators import COMPARE, CONCAT, ITEM, LOOP, OUT, PATH, SLICE

_WEIGHTS: dict[type[nodes.Node], int] = {nodes.Filter: 6, nodes.Test: 3}


def rewrite(tree: nodes.Template) -> nodes.Template:
    result = _Rewriter().visit(tree)
    assert isinstance(result, nodes.Template)
    return result


def _hidden(name: str, node: nodes.Node, *args: Any) -> nodes.Filter:
    arguments = [arg if isinstance(arg, nodes.Node) else nodes.Const(arg, lineno=node.lineno) for arg in args]
    return nodes.Filter(node, name, arguments, [], None, None, lineno=node.lineno)


def _cost(node: nodes.For) -> int:
    """Nodes that one round goes through; those that call something weigh more."""
    inside = list(node.body) + ([node.test] if node.test is not None else [])
    count = 0
    while inside:
        part = inside.pop()
        count += _WEIGHTS.get(type(part), 1)
        inside += part.iter_child_nodes()
    return count


class _Rewriter(NodeTransformer):
    def __init__(self) -> None:
        self._names: dict[str, str] = {}  #: what a loop's variable stands for: `item` is `order.items[]`
        self._rules: dict[type[nodes.Node], Callable[[Any], nodes.Node]] = {
            nodes.Output: self._output,
            nodes.For: self._for,
            nodes.Getattr: self._path,
            nodes.Getitem: self._item,
            nodes.Concat: self._concat,
            nodes.Compare: self._compare,
        }

    def get_visitor(self, node: nodes.Node) -> Callable[[Any], nodes.Node] | None:
        return self._rules.get(type(node))

    def _output(self, node: nodes.Output) -> nodes.Node:
        node.nodes = [
            part if isinstance(part, nodes.TemplateData) else _hidden(OUT, self.visit(part), self._name(part))
            for part in node.nodes
        ]
        return node

    def _for(self, node: nodes.For) -> nodes.Node:
        cost, name = _cost(node), self._name(node.iter)
        node.iter = _hidden(LOOP, self.visit(node.iter), cost, name)
        node.else_ = [self.visit(part) for part in node.else_]
        outside = self._names
        if isinstance(node.target, nodes.Name):
            self._names = {**outside, node.target.name: f"{name}[]"}
        node.body = [self.visit(part) for part in node.body]
        node.test = node.test and self.visit(node.test)
        self._names = outside
        return node

    def _item(self, node: nodes.Getitem) -> nodes.Node:
        if isinstance(node.arg, nodes.Const):
            return self._path(node)
        name, inner = self._name(node.node), self.visit(node.node)
        if isinstance(node.arg, nodes.Slice):
            bounds = [
                nodes.Const(None, lineno=node.lineno) if bound is None else self.visit(bound)
                for bound in (node.arg.start, node.arg.stop, node.arg.step)
            ]
            return _hidden(SLICE, inner, *bounds, name)
        return _hidden(ITEM, inner, self.visit(node.arg), name)

    def _path(self, node: nodes.Getattr | nodes.Getitem) -> nodes.Node:
        """`a.b[0].c` in one step."""
        keys: list[str | int] = []
        inner: nodes.Node = node
        while True:
            if isinstance(inner, nodes.Getattr):
                keys.append(inner.attr)
            elif isinstance(inner, nodes.Getitem) and isinstance(inner.arg, nodes.Const):
                keys.append(inner.arg.value)
            else:
                return _hidden(PATH, self.visit(inner), tuple(reversed(keys)), self._name(node))
            inner = inner.node

    def _concat(self, node: nodes.Concat) -> nodes.Node:
        first, *rest = [self.visit(part) for part in node.nodes]
        return _hidden(CONCAT, first, *rest)

    def _compare(self, node: nodes.Compare) -> nodes.Node:
        """`a < b < c` becomes `a < b and b < c`."""
        self.generic_visit(node)
        left: nodes.Expr = node.expr
        result: nodes.Expr | None = None
        for operand in node.ops:
            pair = _hidden(COMPARE, left, operand.op, operand.expr)
            result = pair if result is None else nodes.And(result, pair, lineno=node.lineno)
            left = operand.expr
        assert result is not None
        return result

    def _name(self, node: nodes.Node | None) -> str:
        """What the merchant would call this value: `order.total` for `order.total|round(2)`."""
        if isinstance(node, nodes.Name):
            return self._names.get(node.name, node.name)
        if isinstance(node, nodes.Getattr):
            return f"{self._name(node.node)}.{node.attr}"
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            key = node.arg.value
            return f"{self._name(node.node)}[{key}]" if isinstance(key, int) else f"{self._name(node.node)}.{key}"
        if isinstance(node, nodes.Getitem | nodes.Filter):
            return self._name(node.node)
        return "a value"
