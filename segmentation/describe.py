"""How does an audience read as a sentence?"""

from __future__ import annotations

from segmentation.rule import Rule
from segmentation.tree import Group, Node

_BETWEEN = {"all": " and ", "any": " or ", "none": " or "}


def describe(tree: Group) -> str:
    """`Recipients whose country is DE or AT, and whose plan is "gold".`"""
    if not tree.parts:
        return "Nobody." if tree.kind == "any" else "All recipients."
    return f"Recipients {_words(tree)}."


def _words(node: Node) -> str:
    if isinstance(node, Rule):
        return node.describe()
    if not node.parts:
        return "of whom there are none" if node.kind == "any" else "of any kind"
    inside = [_words(part) if isinstance(part, Rule) else f"({_words(part)})" for part in node.parts]
    joined = _BETWEEN[node.kind].join(inside)
    return f"not ({joined})" if node.kind == "none" else joined
