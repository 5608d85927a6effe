"""How does a pika connection stay open for ever, and how do its callbacks become awaitables?

A `Wire` is one connection with one channel and ends with the first error on either; a `Link` replaces it, with
jitter, until it is closed. Whoever remembers a wire remembers a generation: delivery tags mean nothing on the next
one.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

from pika import URLParameters
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.adapters.utils.connection_workflow import AMQPConnectionWorkflowFailed, AMQPConnectorPhaseErrorBase
from pika.exceptions import AMQPError, ChannelClosedByBroker

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 30
OPEN_SECONDS, CLOSE_SECONDS = 10.0, 3.0
PAUSE_FIRST, PAUSE_MOST = 0.1, 5.0


class WireLost(Exception):
    """The connection or its channel is gone; the message says why."""


class Wire:
    """One connection and its one channel, from the first byte to the first error."""

    def __init__(self, parameters: URLParameters) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = loop.create_future()
        self._open: asyncio.Future[None] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()
        self.channel: Any = None
        self.connection = AsyncioConnection(
            parameters,
            on_open_callback=lambda _connection: _settle(self._open, None),
            on_open_error_callback=self._on_gone,
            on_close_callback=self._on_gone,
        )

    @property
    def alive(self) -> bool:
        return not self.lost.done()

    async def open(self) -> None:
        await self._first(self._open)
        opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.channel = self.connection.channel(on_open_callback=lambda channel: _settle(opened, channel))
        self.channel.add_on_close_callback(lambda _channel, error: self.fail(reason_of(error)))
        await self._first(opened)

    async def call(self, request: Callable[[Callable[[object], None]], object]) -> None:
        """Make a request that pika answers through a callback, and wait for the answer."""
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        request(lambda frame: _settle(answer, frame))
        await self._first(answer)

    def fail(self, reason: str) -> None:
        """Give this wire up: nothing that still comes over it counts."""
        _settle(self.lost, reason)

    def discard(self) -> None:
        """Say goodbye without waiting; a server that does not answer is dropped when heartbeats fail."""
        self.fail("closed")
        if not (self.connection.is_closing or self.connection.is_closed):
            self.connection.close()

    async def close(self) -> None:
        self.discard()
        await asyncio.wait({self._gone}, timeout=CLOSE_SECONDS)

    async def _first(self, answer: asyncio.Future[Any]) -> None:
        await asyncio.wait({answer, self.lost}, return_when=asyncio.FIRST_COMPLETED)
        if self.lost.done():
            raise WireLost(self.lost.result())

    def _on_gone(self, _connection: object, error: BaseException) -> None:
        self.fail(reason_of(error))
        _settle(self._gone, None)


class Link:
    """Keeps a wire open. `setup` prepares each new one; the wire counts as up when it returns."""

    def __init__(
        self, url: str, *, name: str, setup: Callable[[Wire], Awaitable[None]], rng: random.Random | None = None
    ) -> None:
        self._parameters = [_parameters(each, name) for each in url.split(";")]
        self._name = name
        self._setup = setup
        self._rng = rng or random.Random()  # noqa: S311 - spreads reconnects, keeps no secret
        self._wire: Wire | None = None
        self._is_up = False
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.trouble = ""

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep(), name=self._name)
        self._task.add_done_callback(self._ended)

    def raise_bug(self) -> None:
        """Outages are waited out; an error of our own must reach whoever waits for work, not stop it silently."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    @property
    def wire(self) -> Wire | None:
        """The wire that is up now."""
        return self._wire if self._is_up and self._wire is not None and self._wire.alive else None

    async def ready(self) -> Wire:
        while (wire := self.wire) is None:
            self.raise_bug()
            self._up.clear()
            await self._up.wait()
        return wire

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._wire is not None:
            await self._wire.close()

    async def _keep(self) -> None:
        attempt = 0
        while True:
            wire = self._wire = Wire(self._parameters[attempt % len(self._parameters)])
            reason = await self._prepared(wire)
            if not reason:
                attempt = 0
                self._came_up()
                await asyncio.wait({wire.lost})
                reason = wire.lost.result()
            self._went_down(wire, reason)
            attempt += 1
            await asyncio.sleep(min(PAUSE_MOST, PAUSE_FIRST * 2 ** min(attempt, 10)) * self._rng.uniform(0.5, 1.0))

    async def _prepared(self, wire: Wire) -> str:
        """Open and set up a wire; say why that failed, or nothing."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await wire.open()
                await self._setup(wire)
        except WireLost as error:
            return str(error)
        except TimeoutError:
            return f"no answer within {OPEN_SECONDS:g} s"
        except AMQPError as error:
            return reason_of(error)
        return ""

    def _came_up(self) -> None:
        if self.trouble:
            log.warning("%s: connected again", self._name)
        self._is_up, self.trouble = True, ""
        self._up.set()

    def _went_down(self, wire: Wire, reason: str) -> None:
        """Said once for each outage, however many attempts it takes."""
        if not self.trouble:
            log.warning("%s: no connection (%s), trying again until there is one", self._name, reason)
        self._is_up, self.trouble = False, reason
        wire.discard()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self.trouble = f"stopped by an error of ours: {task.exception()!r}"
            if self._wire is not None:
                self._wire.discard()
            self._up.set()


def reason_of(error: BaseException) -> str:
    """The innermost cause, without pika's wrapping."""
    if isinstance(error, AMQPConnectionWorkflowFailed):
        return reason_of(error.exceptions[-1])
    if isinstance(error, AMQPConnectorPhaseErrorBase):
        return reason_of(error.exception)
    if len(error.args) == 1 and isinstance(error.args[0], BaseException):
        return reason_of(error.args[0])
    if isinstance(error, ChannelClosedByBroker) and error.reply_code == 404:
        return f"{error.reply_text}: run `manage.py topology`"
    return str(error) or type(error).__name__


def _parameters(url: str, name: str) -> URLParameters:
    parameters = URLParameters(url)
    parameters.heartbeat = HEARTBEAT_SECONDS
    parameters.socket_timeout = parameters.stack_timeout = OPEN_SECONDS
    parameters.client_properties = {"connection_name": name}
    return parameters


def _settle(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)
