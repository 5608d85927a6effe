"""How does an adapter talk to a vendor that wants HTTP/2?

One connection carries many requests at once. What the server promises not to have looked at goes over a new one, so
that a server that says goodbye costs no attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from hpack import HeaderTuple, NeverIndexedHeaderTuple

from providers.errors import ProviderError, Transient
from providers.http import CONNECT_TIMEOUT, MAX_ANSWER, Answer, Network
from providers.http2_link import Link, Stream, Unprocessed
from providers.messages import Reason
from providers.redact import redact


class Http2:
    """The way to one host: a connection that is shared, and replaced when it is no longer of use."""

    def __init__(self, net: Network, host: str, port: int = 443) -> None:
        self._net, self._host, self._port = net, host, port
        self._links: list[Link] = []  # the last one takes requests, those before it only end theirs
        self._opening: asyncio.Task[Link] | None = None

    async def post(
        self,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeout: float,  # noqa: ASYNC109 part of what a call means, and mapped to its own outcome
        shown: str,
    ) -> Answer:
        """One exchange. `shown` stands for the path in the timeline: paths may carry what is nobody's business."""
        summary: dict[str, object] = {"request": f"POST https://{self._host}{shown}"}
        head = [
            HeaderTuple(":method", "POST"),
            HeaderTuple(":scheme", "https"),
            HeaderTuple(":authority", self._host),
            NeverIndexedHeaderTuple(":path", path),
            *(HeaderTuple(name.lower(), value) for name, value in headers.items()),
        ]
        try:
            stream = await self._exchange(head, body, within=timeout)
        except ProviderError as error:
            error.detail = summary | error.detail
            raise
        received = bytes(stream.body[:MAX_ANSWER])
        summary |= {"status": stream.status, "answer": redact(received.decode(errors="replace"))}
        return Answer(stream.status, stream.headers, received, summary)

    async def _exchange(self, head: list[HeaderTuple], body: bytes, *, within: float) -> Stream:
        now = asyncio.get_running_loop().time
        deadline = now() + within
        for _ in range(2):
            link = await self._link(within=deadline - now())
            try:
                return await link.exchange(head, body, within=deadline - now())
            except Unprocessed:
                continue
        raise Transient(Reason.CONNECTION, "the server closed the connection before it took the request")

    async def _link(self, *, within: float) -> Link:
        """The connection of the day. Calls at once wait for the same one, and when it fails, it fails for all."""
        self._links = [link for link in self._links if not link.ended]
        if self._links and self._links[-1].takes_more():
            return self._links[-1]
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open())
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(self._opening)
        except TimeoutError:
            raise Transient(Reason.CONNECTION, f"no connection to {self._host} in time") from None

    async def _open(self) -> Link:
        if self._links:
            self._links[-1].retire()
        link = None
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                link = Link(*await self._net.open_tls(self._host, self._port, alpn="h2"))
                await link.ready()
        except (TimeoutError, Unprocessed):
            raise Transient(Reason.CONNECTION, f"{self._host} did not begin to speak HTTP/2") from None
        finally:
            if link and not link.takes_more():
                await link.close()
        self._links.append(link)
        return link

    async def close(self) -> None:
        if self._opening:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        for link in self._links:
            await link.close()
