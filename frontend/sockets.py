"""What does a socket answer that was opened where there is none?"""

from __future__ import annotations

from channels.generic.websocket import AsyncWebsocketConsumer

NOT_FOUND = 4404  #: close codes of our own lie between 4000 and 4999


class NoSuchSocket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels publishes no types
    async def connect(self) -> None:
        await self.close(code=NOT_FOUND)
