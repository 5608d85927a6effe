"""A vendor's stand-in that is cheap enough not to be what limits: `python -m ops.bench.sink LOG`.

A bare HTTP/1.1 protocol, no framework. It writes what it was asked to send into a log of its own, before it answers:
who wants to know what really left the house reads that log, not our ledger.

    POST /one/<delivery id>      one message
    POST /batch                  a JSON list of delivery ids
    POST /set?latency=0.1&tail=0.01&failing=0.02&resetting=0.01    how it behaves from now on
    POST /forget                 start an empty log
    GET  /seen                   how many ids it was given so far
"""

from __future__ import annotations

import asyncio
import random
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl
from uuid import UUID

import orjson
import uvloop

from ops.local.ports import LOOPBACK

#: An id and when it came, by the clock that all processes of a machine share.
ENTRY = struct.Struct("<16sd")
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
FAILED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
#: How much longer the slow ones take.
TAIL_FACTOR = 10


@dataclass
class Manners:
    latency: float = 0.0  #: seconds before each answer
    tail: float = 0.0  #: part of the calls that take ten times as long
    failing: float = 0.0  #: part of the calls that are answered 503, unsent
    resetting: float = 0.0  #: part of the calls that are taken and never answered


class Sink:
    def __init__(self, log: Path, rng: random.Random) -> None:
        self.path = log
        self.log = log.open("wb")
        self.rng = rng
        self.manners = Manners()
        self.seen = 0

    def take(self, ids: list[bytes]) -> None:
        now = time.monotonic()
        self.log.write(b"".join([ENTRY.pack(i, now) for i in ids]))
        self.seen += len(ids)

    def forget(self) -> None:
        self.log.close()
        self.log, self.seen = self.path.open("wb"), 0

    def told(self, path: str) -> bytes:
        where, _, query = path.partition("?")
        if where == "/set":
            self.manners = Manners(**{name: float(value) for name, value in parse_qsl(query)})
        elif where == "/forget":
            self.forget()
        self.log.flush()
        body = orjson.dumps({"seen": self.seen})
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class Connection(asyncio.Protocol):
    def __init__(self, sink: Sink, loop: asyncio.AbstractEventLoop) -> None:
        self.sink = sink
        self.loop = loop
        self.left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        data = self.left + data if self.left else data
        while (head := data.find(b"\r\n\r\n")) >= 0:
            end = head + 4 + _body_length(data[:head])
            if len(data) < end:
                break
            self._request(data[: data.index(b"\r\n")], data[head + 4 : end])
            data = data[end:]
        self.left = data

    def _request(self, line: bytes, body: bytes) -> None:
        path = line.split(b" ", 2)[1]
        manners = self.sink.manners
        if not path.startswith((b"/one/", b"/batch")):
            self.transport.write(self.sink.told(path.decode()))
        elif manners.failing and self.sink.rng.random() < manners.failing:
            self.transport.write(FAILED)
        else:
            self.sink.take([bytes.fromhex(path[5:].decode())] if path[1] == 111 else _ids(body))  # 111 is "o"
            if manners.resetting and self.sink.rng.random() < manners.resetting:
                self.transport.abort()
            elif not manners.latency:
                self.transport.write(OK)
            else:
                slow = manners.tail and self.sink.rng.random() < manners.tail
                self.loop.call_later(manners.latency * (TAIL_FACTOR if slow else 1), self._answer)

    def _answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(OK)


def _body_length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    return int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def _ids(body: bytes) -> list[bytes]:
    return [bytes.fromhex(i) for i in orjson.loads(body)]


def entries(log: Path) -> Iterator[tuple[UUID, float]]:
    """What a sink has written: each id it was given, as often as it was given, and when."""
    content = log.read_bytes()
    for raw, at in ENTRY.iter_unpack(content[: len(content) - len(content) % ENTRY.size]):
        yield UUID(bytes=raw), at


async def serve(log: Path, say: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    sink = Sink(log, random.Random(1))  # noqa: S311 the same faults every time
    server = await loop.create_server(lambda: Connection(sink, loop), LOOPBACK, 0, backlog=4096)
    say(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), lambda port: print(port, flush=True)))  # noqa: T201 the port, to who started us
