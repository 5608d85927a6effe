"""Do a sandbox's receipts reach the endpoint, signed, complete and once?"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import uvloop

from providers import sandbox_receipts, signing, testing
from providers.base import Message, Receipt, ReceiptKind, ReceiptRequest
from providers.errors import BadSignature
from providers.http import Network
from providers.registry import channel, sandbox_of
from providers.sandbox import Sandbox
from tests.support.http_receiver import Received, Receiver, Reply

EMAIL = sandbox_of("email")


@asynccontextmanager
async def account(**config: Any) -> AsyncIterator[Sandbox]:
    net = Network()
    sandbox = EMAIL(EMAIL.Config.model_validate({"receipt_delay_ms": 0, **config}), net)
    assert isinstance(sandbox, Sandbox)
    try:
        yield sandbox
    finally:
        await sandbox.close()
        await net.close()


def mail(word: str, url: str) -> Message:
    return testing.message(channel("email"), f"{word}@example.com", receipt_url=f"{url}/hooks/sandbox/token")


def request(received: Received, *, later: float = 0) -> ReceiptRequest:
    at = datetime.now(UTC) + timedelta(seconds=later)
    return ReceiptRequest(received.body, received.headers, "https://example.com/hooks/sandbox/token", at)


def read(sandbox: Sandbox, received: list[Received]) -> list[Receipt]:
    for one in received:
        sandbox.verify(sandbox.config, request(one))
    return [receipt for one in received for receipt in sandbox.parse_receipts(sandbox.config, request(one))]


@pytest.mark.parametrize(
    ("word", "kinds"),
    [
        ("delivered", ["delivered"]),
        ("someone", ["delivered"]),
        ("bounce", ["bounced"]),
        ("softbounce", ["bounced"]),
        ("complain", ["delivered", "complained"]),
        ("opened", ["delivered", "opened"]),
        ("clicked", ["delivered", "opened", "clicked"]),
        ("read", ["delivered", "read"]),
        ("lostanswer", ["delivered"]),
    ],
)
async def test_the_address_decides_what_is_told_later(word: str, kinds: list[str]) -> None:
    async with Receiver() as receiver, account() as sandbox:
        message = mail(word, receiver.url)
        (outcome,) = await sandbox.deliver([message])
        receipts = read(sandbox, await receiver.wait_for(1))
    assert [receipt.kind.value for receipt in receipts] == kinds
    assert {receipt.delivery_id for receipt in receipts} == {message.delivery_id}
    assert len({receipt.event_id for receipt in receipts}) == len(kinds)
    assert outcome.vendor_id in {receipts[0].vendor_id, ""}
    assert receiver.received[0].path == "/hooks/sandbox/token"


async def test_only_a_hard_bounce_says_that_the_address_is_dead() -> None:
    async with Receiver() as receiver, account() as sandbox:
        await sandbox.deliver([mail("bounce", receiver.url), mail("softbounce", receiver.url)])
        hard, soft = read(sandbox, await receiver.wait_for(1))
    assert (hard.permanent, hard.reason) == (True, "invalid_address")
    assert (soft.permanent, soft.reason) == (False, "unreachable")


@pytest.mark.parametrize("word", ["ambiguous", "rejected", "misconfigured", "flaky", "throttled", "crash"])
async def test_nothing_is_told_about_what_was_not_sent(word: str) -> None:
    async with Receiver() as receiver:
        async with account() as sandbox:
            await sandbox.deliver([mail(word, receiver.url)])
        assert receiver.received == []


async def test_receipts_are_posted_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_receipts, "PER_POST", 100)
    async with Receiver() as receiver:
        async with account(receipt_delay_ms=50) as sandbox:
            for _ in range(3):
                await sandbox.deliver([mail("clicked", receiver.url) for _ in range(100)])
        assert [len(got.json()["events"]) for got in receiver.received] == [100] * 9


def test_a_timer_that_fires_within_its_clocks_resolution_loses_no_receipt() -> None:
    """The consumers' event loop counts in milliseconds: what waits until a moment may wake just before it."""

    async def tell(receiver: Receiver, delay: int) -> None:
        async with account(receipt_delay_ms=delay) as sandbox:
            await asyncio.sleep(delay / 20_000)
            await sandbox.deliver([mail("delivered", receiver.url)])
            await receiver.wait_for(100, within=5)

    async def all_at_once() -> None:
        async with Receiver() as receiver:
            await asyncio.gather(*(tell(receiver, delay) for delay in range(50, 150)))

    uvloop.run(all_at_once())


async def test_an_endpoint_that_is_down_gets_them_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_receipts, "FIRST_PAUSE", 0.01)
    async with Receiver(Reply(503), Reply(cut=True), Reply(429)) as receiver, account() as sandbox:
        await sandbox.deliver([mail("opened", receiver.url)])
        attempts = await receiver.wait_for(4)
        assert len(read(sandbox, attempts[3:])) == 2
    assert len(receiver.received) == 4


async def test_what_the_endpoint_refuses_for_good_is_dropped_and_the_rest_goes_on() -> None:
    async with Receiver(Reply(404)) as receiver, account() as sandbox:
        await sandbox.deliver([mail("delivered", receiver.url)])
        await receiver.wait_for(1)
        await sandbox.deliver([mail("opened", receiver.url)])
        assert len(read(sandbox, (await receiver.wait_for(2))[1:])) == 2


async def test_closing_posts_what_is_not_due_yet() -> None:
    async with Receiver() as receiver:
        async with account(receipt_delay_ms=60_000) as sandbox:
            await sandbox.deliver([mail("clicked", receiver.url)])
        assert [receipt.kind for receipt in read(sandbox, receiver.received)] == [
            ReceiptKind.DELIVERED,
            ReceiptKind.OPENED,
            ReceiptKind.CLICKED,
        ]


async def test_closing_does_not_wait_for_an_endpoint_that_is_gone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sandbox_receipts, "FLUSH_LIMIT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with asyncio.timeout(3), account() as sandbox:
        await sandbox.deliver([mail("delivered", f"http://127.0.0.1:{port}")])
    assert "sandbox receipts dropped: the endpoint does not answer" in caplog.text


async def test_the_line_of_receipts_is_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Sandbox, "most_receipts", 5)
    async with Receiver() as receiver:
        async with account(receipt_delay_ms=60_000) as sandbox:
            await sandbox.deliver([mail("clicked", receiver.url) for _ in range(100)])
        assert [len(got.json()["events"]) for got in receiver.received] == [5]
    assert caplog.text.count("sandbox receipts dropped") == 1


async def test_an_account_may_post_no_receipts() -> None:
    async with Receiver() as receiver:
        async with account(receipts=False) as sandbox:
            await sandbox.deliver([mail("clicked", receiver.url)])
        assert receiver.received == []


async def test_another_accounts_signature_and_an_old_copy_are_refused() -> None:
    async with Receiver() as receiver, account() as sandbox:
        await sandbox.deliver([mail("delivered", receiver.url)])
        (got,) = await receiver.wait_for(1)
        stranger = EMAIL.Config.model_validate({"secret": signing.new_secret()})
        with pytest.raises(BadSignature):
            EMAIL.verify(stranger, request(got))
        with pytest.raises(BadSignature):
            EMAIL.verify(sandbox.config, request(got, later=400))


def test_a_word_we_do_not_know_is_kept_as_unknown() -> None:
    event = {"id": "x", "type": "teleported", "at": "2030-01-01T00:00:00+00:00", "vendor_id": "v", "reason": ""}
    body = orjson.dumps({"events": [{**event, "delivery_id": "0" * 32, "permanent": False}]})
    (receipt,) = EMAIL.parse_receipts(None, ReceiptRequest(body, {}, "", testing.NOW))
    assert (receipt.kind, receipt.raw["type"]) == (ReceiptKind.UNKNOWN, "teleported")
