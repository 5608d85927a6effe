"""Two vendors for the bench, whose other side is the sink: one message a call, and five hundred a call.

They are registered by the bench's own consumer only, as a third party's would be by an entry point.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from pydantic import Field

from providers.base import (
    Capabilities,
    Message,
    Outcome,
    Provider,
    ProviderConfig,
    Reason,
    WithoutReceipts,
    accepted,
)
from providers.errors import Transient
from providers.http import Answer

LARGEST_BATCH = 500


class SinkConfig(ProviderConfig):
    url: str = Field(description="Where the sink listens.", examples=["http://127.0.0.1:9000"])


class SinkOne(WithoutReceipts, Provider):
    key = "bench_one"
    channel = "email"
    title = "Bench, one message a call"
    capabilities = Capabilities(concurrency=48, timeout=30.0, echoes_delivery_id=True)
    Config = SinkConfig

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        (message,) = batch
        body = orjson.dumps({"to": message.address, "content": message.content})
        answer = await self.net.request("POST", f"{self.config.url}/one/{message.delivery_id.hex}", body=body)
        _check(answer)
        return [accepted(message, **answer.summary)]


class SinkMany(WithoutReceipts, Provider):
    key = "bench_many"
    channel = "email"
    title = "Bench, five hundred messages a call"
    capabilities = Capabilities(max_batch=LARGEST_BATCH, concurrency=4, timeout=30.0, echoes_delivery_id=True)
    Config = SinkConfig

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        body = orjson.dumps([message.delivery_id.hex for message in batch])
        answer = await self.net.request("POST", f"{self.config.url}/batch", body=body)
        _check(answer)
        return [accepted(message, **answer.summary) for message in batch]


def _check(answer: Answer) -> None:
    if not answer.ok:
        raise Transient(Reason.VENDOR_ERROR, **answer.summary)
