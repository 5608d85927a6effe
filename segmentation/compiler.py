"""How does the database find everybody in an audience?

The tree becomes one condition on a row `r` of `recipient`, with every value bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segmentation.rule import Asking, Rule
from segmentation.tree import Node


@dataclass(frozen=True, slots=True)
class Condition:
    sql: str
    values: Mapping[str, Any]


def compile_tree(tree: Node, *, as_of: datetime) -> Condition:
    """`as_of` is the moment that "14 days ago" counts from."""
    ask = Asking(as_of)
    return Condition(_sql(tree, ask), ask.values)


def _sql(node: Node, ask: Asking) -> str:
    if isinstance(node, Rule):
        return f"({node.sql(ask)})"
    parts = [_sql(part, ask) for part in node.parts]
    if not parts:
        return "false" if node.kind == "any" else "true"
    if node.kind == "all":
        return f"({' AND '.join(parts)})"
    some = f"({' OR '.join(parts)})"
    # Unknown counts as no, and the opposite of no is yes.
    return some if node.kind == "any" else f"NOT COALESCE({some}, false)"
