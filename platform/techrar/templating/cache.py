"""What was made lately and may be needed again? A thread-safe memory bounded by the weight of what it holds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class WeightedCache(Generic[K, V]):
    """Forgets what was not used for longest; ten small things weigh as much as one large one."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._used = 0
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: K, value: V, *, weight: int) -> None:
        with self._lock:
            _, replaced = self._entries.pop(key, (None, 0))
            self._entries[key] = (value, weight)
            self._used += weight - replaced
            while self._used > self._room:
                _, (_, forgotten) = self._entries.popitem(last=False)
                self._used -= forgotten

    def __len__(self) -> int:
        return len(self._entries)
