"""Somebody who looks at a campaign through its socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator
from django.conf import settings

from techrar.asgi import application
from tests.factories import Person
from tests.support.campaigns import in_thread

PATIENCE = 5.0


class Socket(WebsocketCommunicator):  # type: ignore[misc]  # channels publishes no types
    """Channels' own keeps threads from giving back their sessions with the database, for tests inside a transaction.

    These tests have none: here a thread gives back what it used, as it does in production.
    """

    async def send_input(self, message: Any) -> Any:
        return await ApplicationCommunicator.send_input(self, message)

    async def receive_output(self, timeout: float = 1) -> Any:  # noqa: ASYNC109  # channels' own way
        return await ApplicationCommunicator.receive_output(self, timeout)


class Looker:
    def __init__(self, socket: Socket) -> None:
        self.socket = socket

    async def tell(self, **words: Any) -> None:
        await self.say(orjson.dumps(words).decode())

    async def say(self, text: str) -> None:
        await self.socket.send_to(text_data=text)

    async def next(self, timeout: float = PATIENCE) -> dict[str, Any]:  # noqa: ASYNC109  # channels' own way
        said = await self.socket.receive_output(timeout)
        assert said["type"] == "websocket.send", said
        return dict(orjson.loads(said["text"]))

    async def until(self, **fields: Any) -> dict[str, Any]:
        """The first message in which all of these are so."""
        async with asyncio.timeout(PATIENCE):
            while not (said := await self.next()).items() >= fields.items():
                pass
        return said

    async def code(self) -> int:
        """What it was closed with, whatever came before."""
        async with asyncio.timeout(PATIENCE):
            while (said := await self.socket.receive_output(PATIENCE))["type"] != "websocket.close":
                pass
        return int(said["code"])


@asynccontextmanager
async def looking(campaign_id: Any, *, cookie: str = "", token: str = "") -> AsyncIterator[Looker]:
    headers = [(b"origin", b"http://localhost"), (b"host", b"localhost")]
    if cookie:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
    socket = Socket(application, f"/ws/v1/campaigns/{campaign_id}", headers=headers)
    assert (await socket.connect())[0]
    looker = Looker(socket)
    try:
        if token:
            await looker.tell(token=token)
        yield looker
    finally:
        await socket.disconnect()


async def cookie_of(person: Person) -> str:
    return await in_thread(lambda: str(person.signed_in().cookies[settings.SESSION_COOKIE_NAME].value))


async def token_of(person: Person, seconds: int = 60, *scopes: str) -> str:
    asked = {"scopes": list(scopes or ("read",)), "expires_in": seconds}
    answer = await in_thread(lambda: person.post("/v1/auth/token", asked))
    return str(answer.json()["access_token"])  # type: ignore[attr-defined]
