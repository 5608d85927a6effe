"""The vendors: takes requests over HTTP, writes down what it took before it answers, and fails as it is told to.

    python -m ops.chaos.sink --port 9000 --log build/sink.log

A delivery's id comes in `webhook-id`, or several in `delivery-ids`. `PUT /faults` with
`{"fault": "error", "seconds": 8, "share": 1.0}` sets the fault of everything below `/bulk/`; urgent messages come to
`/urgent/` and are never failed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import uvloop

LATENCY = 0.05
RETRY_AFTER, SLOW_SECONDS = 2, 30.0
_RESET = struct.pack("ii", 1, 0)
Headers = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Fault:
    """`taken`: would the vendor have sent the message on? `clear`: does the answer say so?"""

    taken: bool
    clear: bool
    answer: Callable[[Exchange], None]


class Log:
    """Append-only, one line for each delivery of each request, in one write before the answer."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, ids: list[str], fault: Fault, path: str) -> None:
        words = ("taken" if fault.taken else "refused", "clear" if fault.clear else "unclear")
        lane = "urgent" if path.startswith("/urgent/") else "bulk"
        lines = "".join(f"{time.time():.6f} {i} {' '.join(words)} {lane}\n" for i in ids)
        os.write(self._file, lines.encode())


@dataclass(slots=True)
class State:
    log: Log
    dice: random.Random
    fault: str = ""
    share: float = 1.0
    until: float = 0.0

    def chosen(self, path: str) -> Fault:
        over = time.monotonic() >= self.until
        if over or not path.startswith("/bulk/") or self.dice.random() >= self.share:
            return HEALTHY
        return FAULTS[self.fault]

    def set(self, wanted: Mapping[str, object]) -> None:
        self.fault = str(wanted["fault"])
        self.share = float(str(wanted.get("share", 1.0)))
        self.until = time.monotonic() + float(str(wanted["seconds"]))


class Exchange(asyncio.Protocol):
    """One connection: requests one after the other, as HTTP/1.1 clients send them."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own is none by its class

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            first, headers = _head(self.buffer[:end])
            whole = end + 4 + int(headers.get(b"content-length", b"0"))
            if len(self.buffer) < whole:
                return
            body, self.buffer = self.buffer[end + 4 : whole], self.buffer[whole:]
            self._handle(first.split(b" ")[1].decode(), headers, body)

    def _handle(self, path: str, headers: Headers, body: bytes) -> None:
        if path == "/faults":
            self.state.set(json.loads(body))
            self.say(200, b"{}")
            return
        ids = (headers.get(b"webhook-id") or headers[b"delivery-ids"]).decode().split(",")
        fault = self.state.chosen(path)
        self.state.log.write(ids, fault, path)
        fault.answer(self)

    def later(self, seconds: float, status: int, body: bytes, *headers: str) -> None:
        asyncio.get_running_loop().call_later(seconds, self.say, status, body, *headers)

    def say(self, status: int, body: bytes, *headers: str) -> None:
        if self.transport.is_closing():
            return
        head = [f"HTTP/1.1 {status} Chaos", f"Content-Length: {len(body)}", *headers]
        self.transport.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)

    def reset(self) -> None:
        """Not even a goodbye."""
        plain: socket.socket = self.transport.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


HEALTHY = Fault(taken=True, clear=True, answer=lambda e: e.later(LATENCY, 200, b'{"ok":true}'))
FAULTS: dict[str, Fault] = {
    "error": Fault(taken=False, clear=True, answer=lambda e: e.later(LATENCY, 503, b"{}")),
    "slow-down": Fault(
        taken=False, clear=True, answer=lambda e: e.later(LATENCY, 429, b"{}", f"Retry-After: {RETRY_AFTER}")
    ),
    "latency": Fault(taken=True, clear=False, answer=lambda e: e.later(SLOW_SECONDS, 200, b'{"ok":true}')),
    "reset": Fault(taken=True, clear=False, answer=Exchange.reset),
    "html": Fault(taken=True, clear=False, answer=lambda e: e.later(LATENCY, 200, b"<html>Welcome</html>")),
}


def _head(text: bytes) -> tuple[bytes, Headers]:
    first, *lines = text.split(b"\r\n")
    return first, {n.strip().lower(): v.strip() for n, _, v in (line.partition(b":") for line in lines)}


async def listen(port: int, log: str, seed: int) -> asyncio.Server:
    state = State(Log(log), random.Random(seed))  # noqa: S311 - which call fails, keeps no secret
    return await asyncio.get_running_loop().create_server(lambda: Exchange(state), "127.0.0.1", port)


async def serve(port: int, log: str, seed: int) -> None:
    await (await listen(port, log, seed)).serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m ops.chaos.sink", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, arguments.log, arguments.seed))
