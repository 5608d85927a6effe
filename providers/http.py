"""How does an adapter talk to the outside?

One client for the process: pooled connections, deadlines, no redirects, no proxies from the environment, capped
answers. What fails before the request was written is `Transient`; after that nobody knows, which is `Ambiguous`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, TypeVar

import aiohttp
import msgspec
import orjson
from aiohttp.abc import AbstractResolver
from yarl import URL

from providers.errors import Ambiguous, ForbiddenTarget, Transient
from providers.guard import OPEN, STRICT, Guard, GuardedResolver, connect
from providers.messages import Reason
from providers.redact import redact

CONNECT_TIMEOUT = 5.0
MAX_ANSWER = 65_536
MAX_WAIT = 3_600.0  # a longer Retry-After is a mistake, or an attempt to park our queue

MOST_PLACES = 10_000

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes  #: at most as much as was asked for
    summary: Mapping[str, Any] = field(default_factory=dict)  #: redacted, for the timeline

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON; anything else from a vendor that took our request means that nobody knows."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise Ambiguous(Reason.UNEXPECTED_ANSWER, "the answer is not JSON", **self.summary) from None

    def read(self, shape: type[Shape]) -> Shape | None:
        """The body in this shape, or None: vendors, and machines on the way to them, answer all sorts of things."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def retry_after(self, now: datetime) -> float | None:
        """Seconds from a `Retry-After` header, given as seconds or as a date."""
        given = self.headers.get("Retry-After", "").strip()
        if given.isascii() and given.isdigit():
            return min(float(given), MAX_WAIT)
        try:
            wait = (parsedate_to_datetime(given) - now).total_seconds()
        except (ValueError, TypeError):
            return None
        return min(max(wait, 0.0), MAX_WAIT)


class Network:
    """The way out of one process. Make it inside the event loop that uses it; close it at the end."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        guard: Guard | None = None,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
        connections: int = 2_000,
    ) -> None:
        self.guard = guard or (OPEN if allow_private else STRICT)
        self._resolver = GuardedResolver(resolver or aiohttp.DefaultResolver(), self.guard)
        self._guarded = _session(connections, tls, resolver=self._resolver, socket_factory=self.guard.open_socket)
        self._own = _session(100, tls)
        self._tls = tls
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._allowed: set[tuple[str, str]] = set()

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109 part of what a call means, and mapped to its own outcome
        own: bool = False,
        secret_path: bool = False,
        most: int = MAX_ANSWER,
    ) -> Answer:
        """One exchange. `own` is for the installation's own address, which is never a merchant's and may be private.

        `secret_path`: who knows the path may use it, so the timeline shows the host alone. Of the answer, `most` bytes
        are read: more than usual where a call carries many messages.
        """
        target, session = self._target(url, own=own)
        payload = _Body(body) if body else None
        shown = f"{target.origin()}/…" if secret_path else url.partition("?")[0].partition("#")[0]
        summary: dict[str, Any] = {"request": f"{method} {shown}"}
        try:
            async with session.request(
                method,
                target,
                data=payload,
                headers=headers,
                timeout=_patience(timeout),
                allow_redirects=False,
            ) as response:
                received = await _read(response, most)
        except aiohttp.InvalidURL:
            raise ForbiddenTarget("The address does not name a host we can connect to.") from None
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            unconnected = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
            written = payload.written if payload else not unconnected
            raise _failure(error, summary, written=written) from error
        summary |= {"status": response.status, "answer": redact(received[:MAX_ANSWER].decode(errors="replace"))}
        return Answer(response.status, response.headers, received, summary)

    def _target(self, url: str, *, own: bool) -> tuple[URL, aiohttp.ClientSession]:
        try:
            target = URL(url)
        except ValueError:
            raise ForbiddenTarget("The address is not a web address.") from None
        if own:
            return target, self._own
        # All that the check looks at; thousands of messages go to the same few places.
        place = (target.scheme, target.raw_authority)
        if place not in self._allowed:
            self.guard.check_url(target)
            if len(self._allowed) >= MOST_PLACES:
                self._allowed.clear()
            self._allowed.add(place)
        return target, self._guarded

    async def open_socket(self, host: str, port: int) -> socket.socket:
        """A connected socket for what is not HTTP, to an address that passed the same check."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                return await connect(self._resolver, self.guard, host, port)
        except TimeoutError:
            raise Transient(Reason.CONNECTION, f"no connection to {host}:{port} in time") from None
        except OSError as error:
            raise Transient(Reason.CONNECTION, f"no connection to {host}:{port}: {error.strerror or error}") from error

    async def open_tls(self, host: str, port: int, *, alpn: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """An encrypted connection for what is not HTTP/1.1, to an address that passed the same check."""
        sock = await self.open_socket(host, port)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                reader, writer = await asyncio.open_connection(sock=sock, ssl=self._context(alpn), server_hostname=host)
        except OSError as error:  # TimeoutError and what TLS objects to are among them; the socket is closed by now
            told = redact(str(error), limit=200) or "timed out"
            raise Transient(Reason.CONNECTION, f"no TLS with {host}:{port}: {told}") from error
        if writer.get_extra_info("ssl_object").selected_alpn_protocol() != alpn:
            writer.close()
            raise Transient(Reason.CONNECTION, f"{host}:{port} does not speak {alpn}")
        return reader, writer

    def _context(self, alpn: str) -> ssl.SSLContext:
        """The same trust with another protocol. Reading the system's authorities takes long, so it is done once."""
        if alpn not in self._contexts:
            context = ssl.create_default_context()
            for authority in self._tls.get_ca_certs(binary_form=True) if self._tls else ():
                context.load_verify_locations(cadata=authority)
            context.set_alpn_protocols([alpn])
            self._contexts[alpn] = context
        return self._contexts[alpn]

    async def close(self) -> None:
        await self._guarded.close()
        await self._own.close()


@lru_cache(maxsize=100)
def _patience(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, sock_connect=min(CONNECT_TIMEOUT, seconds))


class _Body(aiohttp.BytesPayload):
    """A body that knows whether it was written. Headers go out with it, so before that nothing did."""

    written = False

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:
        self.written = True
        await super().write_with_length(writer, content_length)


def _session(connections: int, tls: ssl.SSLContext | None, **connector: Any) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, ssl=tls or True, **connector),
        cookie_jar=aiohttp.DummyCookieJar(),
        # A compressed answer could be a bomb: we ask for none and read none.
        auto_decompress=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "techrar"},
        trust_env=False,
    )


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    """As much of the body as anybody will look at; the rest stays with its sender, and so does the connection."""
    received = bytearray()
    async for chunk in response.content.iter_any():
        received += chunk
        if len(received) > most:
            response.close()
            break
    return bytes(received[:most])


def _failure(error: Exception, summary: dict[str, Any], *, written: bool) -> Transient | Ambiguous:
    late = isinstance(error, TimeoutError)
    summary["error"] = type(error).__name__
    if written:
        reason, message = (Reason.TIMEOUT, "no answer in time") if late else (Reason.CONNECTION, "the connection broke")
        return Ambiguous(reason, f"{message} after the request was sent", **summary)
    return Transient(Reason.CONNECTION, f"no connection: {redact(str(error), limit=200) or 'timed out'}", **summary)
