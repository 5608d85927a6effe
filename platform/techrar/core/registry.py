"""How does a new file become a plug-in?

`scan` imports every module of a package, so that a class is known because its file is there; `Registry` refuses
two classes with one key at start-up. Third parties join through entry points.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.metadata import entry_points
from types import ModuleType
from typing import Generic, TypeVar

from techrar.core.errors import ConfigurationError

T = TypeVar("T")


class Registry(Generic[T]):
    """Plug-ins of one kind by key, in key order."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}

    def add(self, key: str, item: T) -> None:
        known = self._items.get(key)
        if known is not None and known is not item:
            raise ConfigurationError(f"two {self.kind}s are called {key!r}: {known!r} and {item!r}")
        self._items[key] = item

    def get(self, key: str) -> T | None:
        return self._items.get(key)

    def __getitem__(self, key: str) -> T:
        return self._items[key]

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._items))

    def __len__(self) -> int:
        return len(self._items)

    def values(self) -> list[T]:
        return [self._items[key] for key in self]


def scan(package: ModuleType, group: str | None = None) -> list[ModuleType]:
    """Import every module below a package, and every entry point of a group."""
    found = [
        importlib.import_module(info.name)
        for info in pkgutil.walk_packages(package.__path__, prefix=f"{package.__name__}.")
    ]
    found += [point.load() for point in entry_points(group=group)] if group else []
    return found
