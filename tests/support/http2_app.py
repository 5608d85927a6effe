"""An ASGI application that says which connection a request came over, for a server of another make."""

from __future__ import annotations

from typing import Any


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    size, more = 0, True
    while more:
        event = await receive()
        size, more = size + len(event.get("body", b"")), event.get("more_body", False)
    said = f"{scope['http_version']} {scope['client'][1]} {scope['method']} {scope['path']} {size}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"apns-id", b"x")]})
    await send({"type": "http.response.body", "body": said})
