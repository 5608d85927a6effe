"""How do a sandbox's receipts get back to the service?

As a vendor's would: posted to the real endpoint, signed, several at a time, again and later when it does not answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson

from providers import signing
from providers.errors import ProviderError
from providers.http import Network
from providers.messages import Message, Reason, ReceiptKind

PER_POST = 500
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
FLUSH_LIMIT = 5.0  # seconds that closing may take

log = logging.getLogger("techrar.providers")


@dataclass(frozen=True, slots=True)
class Told:
    """One thing the pretended vendor will say about a message."""

    kind: ReceiptKind
    reason: Reason | None = None
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class _Waiting:
    due: float  #: by the loop's clock
    url: str
    event: dict[str, Any]


class Poster:
    """A bounded line of receipts; a task works on it while there are any."""

    def __init__(self, net: Network, keys: Sequence[bytes], *, now: Callable[[], datetime], most: int) -> None:
        self._net = net
        self._keys = keys
        self._now = now
        self._line: deque[_Waiting] = deque()
        self._most = most
        self._dropped = 0
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def tell(self, message: Message, vendor_id: str, receipts: Sequence[Told], *, delay: float) -> None:
        due = asyncio.get_running_loop().time() + delay
        for told in receipts:
            if len(self._line) >= self._most:
                self._drop(1, "too many are waiting")
                continue
            event = {
                "id": f"{vendor_id}-{told.kind}",
                "type": told.kind.value,
                "at": (self._now() + timedelta(seconds=delay)).isoformat(),
                "delivery_id": str(message.delivery_id),
                "vendor_id": vendor_id,
                "reason": told.reason.value if told.reason else "",
                "permanent": told.permanent,
            }
            self._line.append(_Waiting(due, message.receipt_url, event))
        if self._line and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Post what is left at once, and give up on what cannot be posted soon."""
        self._closing.set()
        if self._task is None:
            return
        try:
            async with asyncio.timeout(FLUSH_LIMIT):
                await self._task
        except TimeoutError:
            self._drop(len(self._line), "the endpoint does not answer")
            self._line.clear()

    async def _work(self) -> None:
        pause = FIRST_PAUSE
        while self._line:
            await self._until(self._line[0].due)
            batch = self._next_batch()
            if await self._post(batch):
                pause = FIRST_PAUSE
                for _ in batch:
                    self._line.popleft()
                continue
            await self._until(asyncio.get_running_loop().time() + pause, even_when_closing=True)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _until(self, due: float, *, even_when_closing: bool = False) -> None:
        wait = due - asyncio.get_running_loop().time()
        if wait <= 0:
            return
        if even_when_closing:
            await asyncio.sleep(wait)
            return
        try:
            async with asyncio.timeout(wait):
                await self._closing.wait()
        except TimeoutError:
            return

    def _next_batch(self) -> list[_Waiting]:
        """What is due and goes to the same place; all of it when closing."""
        head = self._line[0]
        # A timer may fire within its clock's resolution of the time it was set to, so the head is due in any case.
        horizon = max(head.due, asyncio.get_running_loop().time())
        batch: list[_Waiting] = []
        for waiting in self._line:
            later = waiting.due > horizon and not self._closing.is_set()
            if later or waiting.url != head.url or len(batch) == PER_POST:
                break
            batch.append(waiting)
        return batch

    async def _post(self, batch: list[_Waiting]) -> bool:
        """Whether these are done with: taken, or refused for good."""
        body = orjson.dumps({"events": [waiting.event for waiting in batch]})
        signed = signing.headers(self._keys, uuid4().hex, self._now(), body)
        headers = {**signed, "Content-Type": "application/json"}
        try:
            answer = await self._net.request("POST", batch[0].url, body=body, headers=headers, own=True)
        except ProviderError as error:
            log.warning("sandbox receipts wait: %s", error)
            return False
        if 400 <= answer.status < 500 and answer.status != 429:
            self._drop(len(batch), f"the endpoint answered {answer.status}")
            return True
        return answer.ok

    def _drop(self, count: int, why: str) -> None:
        self._dropped += count
        if count and self._dropped == count:  # the first time; a flood of lines helps nobody
            log.warning("sandbox receipts dropped: %s", why)
