"""A thousand people who look at one campaign, and how late does each of them see what has just moved?

A bare client, because it shares two cores with what it measures: it looks for one number in each message and does not
parse the rest.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

#: Campaigns of the bench cancel nothing, so that this number is moved by probes alone.
PROBED = re.compile(rb'"cancelled":(\d+)')
KEPT = 24  #: bytes of the last chunk that the next one may complete
PATIENCE = 30.0


class Looker(asyncio.Protocol):
    def __init__(self, crowd: Crowd, token: str) -> None:
        self.crowd = crowd
        self.token = token
        self.open = False
        self.left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(self.crowd.request)

    def data_received(self, data: bytes) -> None:
        data = self.left + data
        if not self.open:
            if b"\r\n\r\n" not in data:
                self.left = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self.crowd.fail(data.partition(b"\r\n")[0].decode())
                return
            self.open = True
            self.transport.write(_frame(b'{"token":"' + self.token.encode() + b'"}'))
        self.crowd.saw(self, data)
        self.left = data[-KEPT:]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if not self.crowd.over:
            self.crowd.fail("a socket was closed")


class Crowd:
    """All sockets of one campaign, `tokens` taken in turn."""

    def __init__(self, web: str, campaign: str, tokens: Sequence[str]) -> None:
        target = urlsplit(web)
        self.host, self.port = str(target.hostname), int(target.port or 80)
        self.tokens = tokens
        self.request = _request(target.netloc, f"/ws/v1/campaigns/{campaign}")
        self.looking: set[Looker] = set()
        self.messages = 0
        self.over = False
        self.times: dict[int, dict[Looker, float]] = {}
        self._moved = asyncio.Event()  # bound to a loop when it is first waited for
        self._failure = ""

    async def come(self, count: int) -> None:
        """All of them, each with its first picture."""
        loop = asyncio.get_running_loop()
        for n in range(count):
            token = self.tokens[n % len(self.tokens)]
            await loop.create_connection(lambda token=token: Looker(self, token), self.host, self.port)  # type: ignore[misc]
        await self._until(lambda: len(self.looking) == count)

    async def see(self, probe: int) -> list[float]:
        """When each of them has seen that so many were moved, by the monotonic clock."""
        await self._until(lambda: len(self.times.get(probe, ())) == len(self.looking))
        return list(self.times[probe].values())

    def leave(self) -> None:
        self.over = True
        for looker in self.looking:
            looker.transport.close()

    def saw(self, looker: Looker, data: bytes) -> None:
        now = time.monotonic()
        if b'"type":' in data:
            self.messages += 1
            self.looking.add(looker)
        for found in PROBED.findall(data):
            self.times.setdefault(int(found), {}).setdefault(looker, now)
        self._moved.set()

    def fail(self, why: str) -> None:
        self._failure = why
        self._moved.set()

    async def _until(self, holds: object) -> None:
        assert callable(holds)
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self._moved.clear()
                await self._moved.wait()
                if self._failure:
                    raise RuntimeError(self._failure)


def _request(host: str, path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def _frame(payload: bytes) -> bytes:
    """A client's text frame; masked, as the protocol has it."""
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
    return b"\x81\xfe" + len(payload).to_bytes(2) + mask + masked
