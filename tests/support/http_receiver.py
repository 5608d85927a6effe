"""A real HTTP server that keeps what it is sent and answers as the test scripts it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import CIMultiDictProxy


@dataclass(frozen=True)
class Reply:
    """`cut` closes the connection in place of an answer; `hang` never answers."""

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    hang: bool = False


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: CIMultiDictProxy[str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """`async with Receiver() as receiver`: answers `replies` one after the other, then 200 for ever."""

    def __init__(
        self, *replies: Reply, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.replies = deque(replies)
        self.received: list[Received] = []
        self.connections: set[object] = set()
        self._host, self._port, self._tls = host, port, tls
        self._more = asyncio.Condition()
        self._released = asyncio.Event()

    async def __aenter__(self) -> Receiver:
        server = web.Server(self._handle)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls)
        await site.start()
        self.port: int = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._released.set()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    async def wait_for(self, count: int, *, within: float = 10.0) -> list[Received]:
        """Return once that many requests have arrived."""
        async with asyncio.timeout(within), self._more:
            await self._more.wait_for(lambda: len(self.received) >= count)
        return self.received

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        self.connections.add(request.transport)
        async with self._more:
            self.received.append(Received(request.method, request.path_qs, request.headers, body))
            self._more.notify_all()
        reply = self.replies.popleft() if self.replies else Reply()
        if reply.hang:
            await self._released.wait()
        if reply.cut and request.transport:
            request.transport.abort()
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
