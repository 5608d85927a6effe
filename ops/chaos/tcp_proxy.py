"""How is a network made to fail exactly when a test wants it to?

A proxy in threads, so that blocking and asyncio code can both be put behind it: it cuts, stalls and refuses.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

#: Closing with this option resets the connection instead of saying goodbye.
_RESET = struct.pack("ii", 1, 0)


class TcpProxy:
    """Stands before `url`'s server; `self.url` is the same address through the proxy."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 5672)
        self._listener: socket.socket | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._to_server, self._to_client = threading.Event(), threading.Event()
        self._fuse: int | None = None
        self.accepted = 0
        self.port = 0
        self.flow()
        self.accept()
        user, at, _ = parts.netloc.rpartition("@")
        self.url = urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{self.port}"))

    def __enter__(self) -> TcpProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()
        self.flow()
        self.cut()

    def accept(self) -> None:
        """Let connections in, always on the same port."""
        listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def refuse(self) -> None:
        """As if the server was gone. Open connections live on: `cut` them."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def cut(self) -> None:
        """Reset every open connection, on both sides."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for side in pair:
                _reset(side)

    def cut_after(self, to_server: int) -> None:
        """Reset everything when so many more bytes have gone to the server."""
        self._fuse = to_server

    def stall(self, *, to_server: bool = True, to_client: bool = True) -> None:
        """Keep bytes back: the connection looks fine and nothing arrives. `flow` lets them go."""
        if to_server:
            self._to_server.clear()
        if to_client:
            self._to_client.clear()

    def flow(self) -> None:
        self._to_server.set()
        self._to_client.set()

    def say(self, data: bytes) -> None:
        """Tell every client something that the server did not say. Between two frames, so while nothing else comes."""
        with self._lock:
            for client, _ in self._pairs:
                client.sendall(data)

    @property
    def open(self) -> int:
        with self._lock:
            return len(self._pairs)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._pairs.append((client, server))
            for source, sink, gate in ((client, server, self._to_server), (server, client, self._to_client)):
                threading.Thread(target=self._pump, args=(source, sink, gate), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, gate: threading.Event) -> None:
        try:
            while True:
                select.select([source], [], [])
                gate.wait()
                data = source.recv(65536)
                if not data:
                    break
                sink.sendall(data)
                if gate is self._to_server:
                    self._burn(len(data))
        except (OSError, ValueError):
            pass
        with self._lock:
            self._pairs = [pair for pair in self._pairs if source not in pair]
        for side in (source, sink):
            _close(side)

    def _burn(self, sent: int) -> None:
        if self._fuse is None:
            return
        self._fuse -= sent
        if self._fuse <= 0:
            self._fuse = None
            self.cut()


def _reset(side: socket.socket) -> None:
    try:
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        side.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it
    except OSError:
        return
    side.close()


def _close(side: socket.socket) -> None:
    with suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
    side.close()
