"""Does the sink fail as it is told to, and write down what it took before it says so?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import pytest

from ops.chaos.sink import RETRY_AFTER, listen
from ops.chaos.sink_log import SinkLog, set_fault


class Vendors:
    def __init__(self, port: int, log: SinkLog) -> None:
        self.port, self.log = port, log
        self.url = f"http://127.0.0.1:{port}"

    async def fail(self, fault: str, **how: float) -> None:
        await asyncio.to_thread(set_fault, self.port, fault, **{"seconds": 60.0, **how})

    async def ask(self, path: str = "/bulk/sms", *ids: UUID, seconds: float = 5.0) -> tuple[int, bytes, str]:
        names = ",".join(str(i) for i in ids or (uuid4(),))
        limit = aiohttp.ClientTimeout(total=seconds)
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.post(self.url + path, data=b"{}", headers={"delivery-ids": names}) as answer,
        ):
            return answer.status, await answer.read(), answer.headers.get("Retry-After", "")

    def said(self) -> list[tuple[bool, bool, bool]]:
        self.log.read()
        return [(call.taken, call.clear, call.urgent) for call in self.log.calls]


@pytest.fixture
async def vendors(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Vendors]:
    path = tmp_path / "calls"
    async with await listen(unused_tcp_port, str(path), seed=1):
        yield Vendors(unused_tcp_port, SinkLog(path))


async def test_every_delivery_of_a_request_is_written_down(vendors: Vendors) -> None:
    ids = [uuid4(), uuid4(), uuid4()]
    assert (await vendors.ask("/bulk/email", *ids))[0] == 200
    assert vendors.said() == [(True, True, False)] * 3
    assert [call.delivery for call in vendors.log.calls] == ids
    assert set(vendors.log.first) == set(ids)
    assert vendors.log.bulk_seen == 3


@pytest.mark.parametrize(
    ("fault", "status", "taken", "clear"),
    [("error", 503, False, True), ("slow-down", 429, False, True), ("html", 200, True, False)],
)
async def test_a_fault_is_answered_and_written_down(
    vendors: Vendors, fault: str, status: int, taken: bool, clear: bool
) -> None:
    await vendors.fail(fault)
    answered, body, wait = await vendors.ask()
    assert answered == status
    assert (wait == str(RETRY_AFTER)) == (status == 429)
    assert body.startswith(b"<html>") == (fault == "html")
    assert vendors.said() == [(taken, clear, False)]


async def test_a_reset_comes_after_it_was_taken(vendors: Vendors) -> None:
    await vendors.fail("reset")
    with pytest.raises(aiohttp.ClientConnectionError):
        await vendors.ask()
    assert vendors.said() == [(True, False, False)]


async def test_latency_is_longer_than_anybody_waits(vendors: Vendors) -> None:
    await vendors.fail("latency")
    with pytest.raises(TimeoutError):
        await vendors.ask(seconds=0.3)
    assert vendors.said() == [(True, False, False)]


async def test_urgent_messages_are_never_failed(vendors: Vendors) -> None:
    await vendors.fail("error")
    assert (await vendors.ask("/urgent/x"))[0] == 200
    assert vendors.said() == [(True, True, True)]


async def test_a_fault_ends_by_itself(vendors: Vendors) -> None:
    await vendors.fail("error", seconds=0.0)
    assert (await vendors.ask())[0] == 200


async def test_the_rate_counts_what_was_taken_of_the_campaign(vendors: Vendors) -> None:
    began = time.time()
    await vendors.ask("/bulk/sms", uuid4(), uuid4())
    await vendors.ask("/urgent/x")
    vendors.log.read()
    assert vendors.log.rate(began, began + 2) == 1.0
    assert vendors.log.since(time.time()) == []
