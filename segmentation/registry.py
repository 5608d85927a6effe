"""Which rules are there? Those whose files are there, and those that entry points bring."""

from __future__ import annotations

from functools import cache

from segmentation.rule import RULES, Rule
from techrar.core.registry import Registry, scan

ENTRY_POINTS = "techrar.rules"


@cache
def load() -> None:
    from segmentation import rules

    scan(rules, ENTRY_POINTS)


def rules() -> Registry[type[Rule]]:
    load()
    return RULES
