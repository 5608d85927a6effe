"""What did the vendors see so far? Reads the sink's log as it grows."""

from __future__ import annotations

import http.client
import json
import threading
from bisect import bisect_left
from pathlib import Path
from uuid import UUID

from ops.chaos.checker import Call


class SinkLog:
    """Read from several threads; `read` may be called at any time."""

    def __init__(self, path: Path) -> None:
        self.calls: list[Call] = []
        self._path = path
        self._offset = 0
        self._rest = b""
        self._lock = threading.Lock()
        self._bulk_times: list[float] = []
        self.first: dict[UUID, float] = {}  #: when each delivery was taken first
        self.bulk_seen = 0  #: how many different ones of the campaign

    def read(self) -> None:
        with self._lock:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
            self._offset += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._take(_parsed(line.decode()))

    def _take(self, call: Call) -> None:
        self.calls.append(call)
        if call.taken:
            self.bulk_seen += not call.urgent and call.delivery not in self.first
            self.first.setdefault(call.delivery, call.at)
            if not call.urgent:
                self._bulk_times.append(call.at)

    def since(self, moment: float) -> list[Call]:
        """The log is in the order of time."""
        return self.calls[bisect_left(self.calls, moment, key=lambda call: call.at) :]

    def rate(self, begin: float, end: float) -> float:
        """Bulk deliveries taken per second in that time."""
        taken = bisect_left(self._bulk_times, end) - bisect_left(self._bulk_times, begin)
        return taken / (end - begin)


def _parsed(line: str) -> Call:
    at, identifier, taken, clear, lane = line.split()
    return Call(UUID(identifier), taken == "taken", clear == "clear", float(at), lane == "urgent")


def set_fault(port: int, fault: str, *, seconds: float, share: float = 1.0) -> None:
    """Make the sink fail for a while."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("PUT", "/faults", json.dumps({"fault": fault, "seconds": seconds, "share": share}))
        connection.getresponse().read()
    finally:
        connection.close()
