"""What becomes of a request on one HTTP/2 connection?

It is answered, or it was certainly not processed (`Unprocessed`, `Transient`), or nobody knows (`Ambiguous`). A GOAWAY
and the code of a reset say which; a connection that just breaks says nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RemoteSettingsChanged, ResponseReceived, StreamEnded, StreamReset
from h2.exceptions import H2Error, ProtocolError, StreamClosedError
from hpack import HeaderTuple
from multidict import CIMultiDict

from providers.errors import Ambiguous, ProviderError, Transient
from providers.http import MAX_ANSWER
from providers.messages import Reason
from providers.redact import redact

IDLE = 120.0  #: seconds after which a router on the way may have forgotten a silent connection
LAST_STREAM = 2**31 - 3  #: no connection has more ids than this
FRAME_HEAD, GOAWAY, LARGEST_FRAME = 9, 7, 16_384


class Unprocessed(Exception):
    """The server promises that it did nothing with this request, or never saw it."""


@dataclass(slots=True)
class Stream:
    """One request on a connection, and as much of its answer as has arrived."""

    answered: asyncio.Future[None]
    sent: bool = False
    status: int = 0
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)
    body: bytearray = field(default_factory=bytearray)

    def fail(self, error: Exception) -> None:
        if not self.answered.done():
            self.answered.set_exception(error)


class Link:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._streams: dict[int, Stream] = {}
        self._unread = bytearray()
        self._changed = asyncio.Event()
        self._settled = False
        self._retired = False
        self.ended = False
        self._now = asyncio.get_running_loop().time
        self._heard_at = self._now()
        self._h2.initiate_connection()
        self._flush()
        self._listener = asyncio.create_task(self._listen())

    async def ready(self) -> None:
        """The server has said how many requests it takes at once."""
        await self._until(lambda: self._settled)

    def takes_more(self) -> bool:
        idle = not self._streams and self._now() - self._heard_at > IDLE
        return self._settled and not (self._retired or idle or self._h2.highest_outbound_stream_id >= LAST_STREAM)

    def retire(self) -> None:
        """No new requests; the connection goes with its last answer."""
        self._retired = True
        self._changed.set()
        if not self._streams:
            self._writer.close()

    async def close(self) -> None:
        self._listener.cancel()
        await asyncio.wait([self._listener])

    async def exchange(self, head: list[HeaderTuple], body: bytes, *, within: float) -> Stream:
        stream, number, began = Stream(asyncio.get_running_loop().create_future()), 0, self._now()
        try:
            async with asyncio.timeout(within):
                await self._until(lambda: len(self._streams) < self._h2.remote_settings.max_concurrent_streams)
                number = self._h2.get_next_available_stream_id()
                self._streams[number] = stream
                self._h2.send_headers(number, head)
                await self._send(number, stream, body)
                await stream.answered
        except TimeoutError:
            if not number:
                raise Transient(Reason.CONNECTION, "no free place on the connection in time") from None
            if self._heard_at < began:  # nobody may be there any more
                self._retired = True
            raise Ambiguous(Reason.TIMEOUT, "no answer in time after the request was sent") from None
        finally:
            self._end(number, stream)
        return stream

    async def _send(self, number: int, stream: Stream, body: bytes) -> None:
        """As much at once as the server has room for."""
        rest = memoryview(body)
        while not stream.sent and not stream.answered.done():
            room = min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size)
            if room > 0 or not rest:
                chunk, rest = rest[:room], rest[room:]
                stream.sent = not rest
                self._h2.send_data(number, bytes(chunk), end_stream=stream.sent)
                self._flush()
            else:
                await self._change()

    def _end(self, number: int, stream: Stream) -> None:
        if self._streams.pop(number, None) and not self.ended:
            if not stream.sent or stream.answered.cancelled():
                self._cancel(number)
            if self._retired and not self._streams:
                self._writer.close()
        self._changed.set()

    def _cancel(self, number: int) -> None:
        try:
            self._h2.reset_stream(number, ErrorCodes.CANCEL)
        except StreamClosedError:  # the server was quicker
            return
        self._flush()

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds() or self._retired or self.ended:
            if self._retired or self.ended:
                raise Unprocessed
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _flush(self) -> None:
        """What may be waiting here is bounded: by the server's windows, and by the calls in flight."""
        if (data := self._h2.data_to_send()) and not self._writer.is_closing():
            self._writer.write(data)

    async def _listen(self) -> None:
        reason, said = Reason.CONNECTION, "the connection broke after the request was sent"
        try:
            while data := await self._reader.read(65_536):
                self._heard_at = self._now()
                self._receive(data)
                self._flush()
        except OSError as error:
            said = f"{said}: {redact(str(error), limit=200)}"
        except H2Error as error:
            reason, said = Reason.UNEXPECTED_ANSWER, f"the answer breaks HTTP/2: {redact(str(error), limit=200)}"
        finally:
            self.ended = self._retired = True
            for stream in self._streams.values():
                stream.fail(Ambiguous(reason, said))
            self._changed.set()
            self._writer.close()

    def _receive(self, data: bytes) -> None:
        """Frame by frame: the library would take no answer after a GOAWAY, although the server still owes us some."""
        self._unread += data
        while len(self._unread) >= FRAME_HEAD:
            size = int.from_bytes(self._unread[:3], "big")
            if size > LARGEST_FRAME:
                raise ProtocolError(f"a frame of {size} bytes")
            if len(self._unread) < FRAME_HEAD + size:
                return
            frame = bytes(self._unread[: FRAME_HEAD + size])
            del self._unread[: FRAME_HEAD + size]
            if frame[3] == GOAWAY and size >= 8:
                self._goodbye(int.from_bytes(frame[9:13], "big") & 0x7FFF_FFFF)
            else:
                for event in self._h2.receive_data(frame):
                    self._handle(event)
        self._changed.set()

    def _goodbye(self, last: int) -> None:
        for number, stream in self._streams.items():
            if number > last:
                stream.fail(Unprocessed())
        self.retire()

    def _handle(self, event: Event) -> None:
        self._settled = self._settled or isinstance(event, RemoteSettingsChanged)
        number = getattr(event, "stream_id", None) or 0
        if isinstance(event, DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length, number)
        stream = self._streams.get(number)
        if stream is None:
            return
        if isinstance(event, ResponseReceived):
            pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
            stream.headers = CIMultiDict(pairs)
            stream.status = _status(stream.headers.pop(":status"))
        elif isinstance(event, DataReceived):
            stream.body += event.data[: MAX_ANSWER - len(stream.body)]
        elif isinstance(event, StreamEnded) and not stream.answered.done():
            stream.answered.set_result(None)
        elif isinstance(event, StreamReset):
            stream.fail(_reset(event))


def _reset(event: StreamReset) -> ProviderError:
    if event.error_code == ErrorCodes.REFUSED_STREAM:
        return Transient(Reason.VENDOR_ERROR, "the server refused the request before looking at it")
    return Ambiguous(Reason.CONNECTION, f"the server broke off the request: error {int(event.error_code or 0)}")


def _status(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ProtocolError("a status that is not a number")
    return int(text)
