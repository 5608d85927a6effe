"""What is broken: one file for each kind of thing. Whatever lies here is found."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from ops.chaos.scenario import SCENARIOS

__all__ = ["SCENARIOS"]

for _found in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
    import_module(f"{__name__}.{_found.name}")
