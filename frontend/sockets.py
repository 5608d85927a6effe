"""What does a socket say, to whom, and until when?

A member comes with the session of their page; a program sends `{"token": …}` as its first message, so that no token is
ever part of an address. After that nothing more is expected of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import msgspec
import psycopg
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import OperationalError

from frontend import visitors
from frontend.visitors import Visitor
from techrar.campaigns import selectors as campaigns
from techrar.campaigns.models import Campaign
from techrar.core.errors import Problem
from techrar.live.board import REFRESH, watching
from techrar.live.snapshot import message

log = logging.getLogger(__name__)

#: Close codes of our own lie between 4000 and 4999.
UNEXPECTED, OVER, NOT_FOUND, TOO_LARGE, TOO_MANY, TROUBLE = 4400, 4401, 4404, 4413, 4429, 4500
FIRST_MESSAGE_SECONDS = 10.0
LARGEST_MESSAGE = 4096
#: A sign-out or a revoked key ends a socket within so many seconds.
LOOK_AGAIN = 25.0  #: at the latest; sockets that came together ask one after another

in_thread = partial(database_sync_to_async, thread_sensitive=False)


class Hello(msgspec.Struct, forbid_unknown_fields=True):
    token: str


class Closed(Exception):
    """This socket is to be closed, with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class NoSuchSocket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels publishes no types
    async def connect(self) -> None:
        await self.close(code=NOT_FOUND)


class CampaignSocket(AsyncWebsocketConsumer):  # type: ignore[misc]
    """`/ws/v1/campaigns/{id}`: a snapshot, then an update whenever the campaign has moved."""

    async def connect(self) -> None:
        await self.accept()  # a browser sees no code of a socket that never was open
        self.clock = asyncio.get_running_loop().time
        self.token: asyncio.Future[str] | None = asyncio.get_running_loop().create_future()
        self.work = asyncio.create_task(self._work())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        token, self.token = self.token, None
        said = text_data.encode() if text_data is not None else bytes_data or b""
        if len(said) > LARGEST_MESSAGE:
            await self._end(TOO_LARGE)
        elif token is None or token.done():
            await self._end(UNEXPECTED)
        else:
            try:
                token.set_result(msgspec.json.decode(said, type=Hello).token)
            except msgspec.DecodeError:
                await self._end(UNEXPECTED)

    async def disconnect(self, code: int) -> None:  # noqa: ARG002  # channels'
        self.work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.work

    async def _end(self, code: int) -> None:
        self.work.cancel()
        await self.close(code=code)

    async def _work(self) -> None:
        try:
            await self._show()
        except Closed as closed:
            await self.close(code=closed.code)
        except (OperationalError, psycopg.OperationalError) as error:
            log.warning("a socket ends, the database is out of reach: %s", error)
            await self.close(code=TROUBLE)
        except Exception:
            log.exception("a socket failed")
            await self.close(code=TROUBLE)

    async def _show(self) -> None:
        self.who, visitor = await self._introduction()
        self._look_later()
        with visitors.seat_for(visitor) as free:
            if not free:
                raise Closed(TOO_MANY)
            campaign = await in_thread(campaigns.of_any)(
                merchants=visitor.merchants,
                modes=visitor.modes,
                campaign_id=self.scope["url_route"]["kwargs"]["campaign_id"],
            )
            if campaign is None:
                raise Closed(NOT_FOUND)
            await self._follow(visitor, campaign)

    async def _introduction(self) -> tuple[Callable[[], Visitor | None], Visitor]:
        """How to ask who this is, and the first answer."""
        assert self.token is not None
        cookie, token = self.scope["cookies"].get(settings.SESSION_COOKIE_NAME), self.token
        if cookie:
            who: Callable[[], Visitor | None] = partial(visitors.by_session, cookie)
            if visitor := await in_thread(who)():
                return who, visitor
        try:
            who = partial(visitors.by_token, await asyncio.wait_for(token, FIRST_MESSAGE_SECONDS))
        except TimeoutError:
            raise Closed(OVER) from None
        return who, await self._ask(who)

    async def _ask(self, who: Callable[[], Visitor | None]) -> Visitor:
        try:
            visitor: Visitor | None = await in_thread(who)()
        except Problem:
            raise Closed(OVER) from None
        if visitor is None:
            raise Closed(OVER)
        return visitor

    async def _follow(self, visitor: Visitor, campaign: Campaign) -> None:
        while (run := await in_thread(campaigns.last_run)(campaign)) is None:
            drafted = message(campaigns.unlaunched(campaign), seq=0, at=0.0, rate=0.0)
            await self._say(visitor, campaign, drafted.snapshot)
            await asyncio.sleep(REFRESH)
        async with watching((run.merchant_id, run.id), partial(in_thread(campaigns.standing), run.id)) as board:
            async for text in board.texts():
                await self._say(visitor, campaign, text)

    async def _say(self, visitor: Visitor, campaign: Campaign, text: str) -> None:
        """Only to who may still look; there is something to say every few seconds."""
        if visitor.until is not None and datetime.now(UTC) >= visitor.until:
            raise Closed(OVER)
        if self.clock() >= self.look_at:
            self._look_later()
            if campaign.merchant_id not in (await self._ask(self.who)).merchants:
                raise Closed(NOT_FOUND)
        await self.send(text)

    def _look_later(self) -> None:
        self.look_at = self.clock() + LOOK_AGAIN * random.uniform(0.5, 1.0)  # noqa: S311
