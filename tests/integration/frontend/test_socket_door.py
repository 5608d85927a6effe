"""Who may open a socket at all?"""

from __future__ import annotations

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings

from frontend.sockets import NOT_FOUND
from techrar.asgi import application
from tests.factories import Person

HERE = b"http://localhost"


def opened(path: str, origin: bytes, cookie: str = "") -> WebsocketCommunicator:
    headers = [(b"origin", origin), (b"host", b"localhost")]
    if cookie:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
    return WebsocketCommunicator(application, path, headers=headers)


@pytest.mark.django_db(transaction=True)
async def test_a_page_of_another_site_opens_nothing(alice: Person) -> None:
    browser = await database_sync_to_async(alice.signed_in)()
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    socket = opened("/ws/v1/activity", b"https://evil.example", cookie)
    connected, code = await socket.connect()
    assert not connected
    assert code != NOT_FOUND  # refused at the door, before it was asked where to


@pytest.mark.django_db(transaction=True)
async def test_an_address_without_a_socket_is_closed_politely() -> None:
    connected, code = await opened("/ws/v1/nothing", HERE).connect()
    assert (connected, code) == (False, NOT_FOUND)
