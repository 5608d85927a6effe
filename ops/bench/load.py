"""A crowd of keep-alive clients that costs little itself: how many requests a second, and how long does each take?

A bare protocol, because the client shares two cores with what it measures. Runs as a process of its own:
`python -m ops.bench.load` reads one JSON object from standard input and prints another.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import count
from urllib.parse import urlsplit

import uvloop

from ops.local.home import ROOT


@dataclass(frozen=True, slots=True)
class Load:
    url: str
    body: str
    headers: Mapping[str, str]
    connections: int = 16
    seconds: float = 3.0
    rate: float = 0.0  #: requests a second, evenly; 0 is as many as the other side takes


@dataclass(frozen=True, slots=True)
class Answered:
    rate: float
    p50: float  #: seconds
    p99: float
    refused: int  #: answers other than 2xx


def run(load: Load) -> Answered:
    words = [sys.executable, "-m", "ops.bench.load"]
    asked = json.dumps(asdict(load))
    done = subprocess.run(words, cwd=ROOT, input=asked, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return Answered(**json.loads(done.stdout))


class Client(asyncio.Protocol):
    """One connection: the next request when the last one is answered, or when its time has come."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.next()

    def next(self) -> None:
        self.due = self.crowd.turn()
        wait = self.due - time.perf_counter()
        if wait > 0:
            self.crowd.loop.call_later(wait, self.send)
        else:
            self.send()

    def send(self) -> None:
        if not self.transport.is_closing():
            # What the other side makes us wait counts, also before we could send.
            self.began = self.due or time.perf_counter()
            self.transport.write(self.crowd.request)

    def data_received(self, data: bytes) -> None:
        data = self.left + data
        head = data.find(b"\r\n\r\n")
        if head < 0 or len(data) < head + 4 + _length(data[:head]):
            self.left = data
            return
        self.left = b""
        self.crowd.answered(data[9:12], time.perf_counter() - self.began)
        self.next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.crowd.refused += not self.crowd.over


class Crowd:
    def __init__(self, load: Load) -> None:
        self.loop = asyncio.get_running_loop()
        self.load = load
        self.request = _request(load)
        self.times: list[float] = []
        self.refused = 0
        self.over = False
        self.turns = count()
        self.began = time.perf_counter()

    def turn(self) -> float:
        return self.began + next(self.turns) / self.load.rate if self.load.rate else 0.0

    def answered(self, status: bytes, took: float) -> None:
        self.times.append(took)
        self.refused += not status.startswith(b"2")

    async def run(self) -> Answered:
        target = urlsplit(self.load.url)
        clients = [
            await self.loop.create_connection(lambda: Client(self), str(target.hostname), int(target.port or 80))
            for _ in range(self.load.connections)
        ]
        await asyncio.sleep(self.load.seconds * 0.2)
        self.times.clear()  # that was to get warm
        began = time.perf_counter()
        await asyncio.sleep(self.load.seconds)
        took, times = time.perf_counter() - began, sorted(self.times)
        self.over = True
        for transport, _ in clients:
            transport.close()
        if not times:
            return Answered(0.0, 0.0, 0.0, self.refused)
        at = len(times)
        return Answered(at / took, times[at // 2], times[min(at - 1, int(at * 0.99))], self.refused)


def _request(load: Load) -> bytes:
    target, body = urlsplit(load.url), load.body.encode()
    fields = {
        "Host": target.netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **load.headers,
    }
    lines = [f"POST {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    return int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def _main() -> None:
    answered = await Crowd(Load(**json.load(sys.stdin))).run()
    print(json.dumps(asdict(answered)))  # noqa: T201 the answer, to who started us


if __name__ == "__main__":
    uvloop.run(_main())
