"""A real HTTP/2 server that keeps what it is sent and answers, or fails, as the test scripts it."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset, WindowUpdated
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame


@dataclass(frozen=True)
class Reply2:
    """An answer, unless one of the faults is set."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hold: bool = False  #: answers when the test says `release()`
    reset: ErrorCodes | None = None  #: in place of an answer
    goodbye: int | None = None  #: a GOAWAY before the answer; the last stream it vouches for, counted from this one
    cut: bool = False  #: ends the connection in place of an answer
    raw: bytes = b""  #: bytes in place of an answer


@dataclass
class Request:
    connection: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Http2Server:
    """`async with Http2Server(tls=…) as server`: answers `replies` one after the other, then as APNs does."""

    def __init__(
        self, *replies: Reply2, tls: ssl.SSLContext, at_once: int = 100, window: int = 65_535, alpn: str = "h2"
    ) -> None:
        self.replies = deque(replies)
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self.cancelled: list[int] = []
        self.at_once, self.window = at_once, window
        self.released = asyncio.Event()
        self.changed = asyncio.Condition()
        self.silent = False
        tls.set_alpn_protocols([alpn])
        self._tls = tls

    async def __aenter__(self) -> Http2Server:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self.connections:
            connection.transport.abort()
        await self._server.wait_closed()

    def release(self) -> None:
        self.released.set()

    async def wait_for(self, count: int) -> None:
        """Return once that many requests have arrived whole."""
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: len(self.requests) >= count)


class Connection(asyncio.Protocol):
    def __init__(self, server: Http2Server) -> None:
        self.server = server
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.arriving: dict[int, Request] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.lost = asyncio.Event()
        self.room = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.number = len(self.server.connections)
        self.server.connections.append(self)
        if self.server.silent:
            return
        told = {
            SettingCodes.MAX_CONCURRENT_STREAMS: self.server.at_once,
            SettingCodes.INITIAL_WINDOW_SIZE: self.server.window,
        }
        self.h2.local_settings = Settings(client=False, initial_values=told)
        self.h2.initiate_connection()
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    def data_received(self, data: bytes) -> None:
        if self.server.silent:
            return
        for event in self.h2.receive_data(data):
            number = getattr(event, "stream_id", 0) or 0
            if isinstance(event, RequestReceived):
                self.arriving[number] = Request(self.number, dict(event.headers))
            elif isinstance(event, DataReceived):
                self.arriving[number].body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, number)
            elif isinstance(event, WindowUpdated):
                self.room.set()
            elif isinstance(event, StreamReset):
                self.server.cancelled.append(number)
            elif isinstance(event, StreamEnded):
                task = asyncio.get_running_loop().create_task(self.answer(number))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
        self.flush()

    async def answer(self, number: int) -> None:
        request = self.arriving.pop(number)
        own_id = {"apns-id": request.headers.get("apns-id", "")}
        reply = self.server.replies.popleft() if self.server.replies else Reply2(headers=own_id)
        async with self.server.changed:
            self.server.requests.append(request)
            self.server.changed.notify_all()
        if reply.goodbye is not None:
            frame = GoAwayFrame(0, last_stream_id=max(number + reply.goodbye, 0), error_code=0)
            self.transport.write(frame.serialize())
        if reply.hold:
            await self.server.released.wait()
        if reply.cut:
            self.transport.abort()
        elif reply.raw:
            self.transport.write(reply.raw)
        elif reply.reset is not None:
            self.h2.reset_stream(number, reply.reset)
        elif reply.goodbye is None or reply.goodbye >= 0:
            head = [(":status", str(reply.status)), *reply.headers.items()]
            self.h2.send_headers(number, head, end_stream=not reply.body)
            await self.send(number, reply.body)
        self.flush()

    async def send(self, number: int, body: bytes) -> None:
        while body:
            room = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)
            if room:
                self.h2.send_data(number, body[:room], end_stream=len(body) <= room)
                body = body[room:]
                self.flush()
            else:
                self.room.clear()
                await self.room.wait()

    def flush(self) -> None:
        if data := self.h2.data_to_send():
            self.transport.write(data)
