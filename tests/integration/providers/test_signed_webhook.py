"""What does a merchant's endpoint get, and what do we make of its answer?"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from providers import signing, testing
from providers.base import Message, Outcome
from providers.http import Network
from providers.registry import channel
from providers.webhook.signed import SignedWebhook
from tests.support.http_receiver import Received, Receiver, Reply

SECRET, OLD_SECRET = signing.new_secret(), signing.new_secret()


@asynccontextmanager
async def account(
    *, allow_private: bool = True, now: datetime | None = None, **config: str
) -> AsyncIterator[SignedWebhook]:
    net = Network(allow_private=allow_private)
    given = SignedWebhook.Config.model_validate({"secret": SECRET, **config})
    try:
        yield SignedWebhook(given, net, now=lambda: now or datetime.now(UTC))
    finally:
        await net.close()


def event(url: str, **fields: Any) -> Message:
    return testing.message(channel("webhook"), url, **fields)


async def deliver(provider: SignedWebhook, message: Message) -> Outcome:
    (outcome,) = await provider.deliver([message])
    return outcome


def verified(received: Received, secret: str = SECRET) -> Any:
    return Webhook(secret).verify(received.body, dict(received.headers))


async def test_an_independent_verifier_accepts_what_arrives() -> None:
    async with Receiver() as receiver, account() as webhook:
        message = event(receiver.url + "/orders")
        outcome = await deliver(webhook, message)
    (got,) = receiver.received
    assert outcome.kind == "accepted"
    assert verified(got) == message.content["payload"]
    assert (got.method, got.path, got.headers["Content-Type"]) == ("POST", "/orders", "application/json")
    assert got.headers["webhook-id"] == str(message.delivery_id)
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 5


async def test_a_second_attempt_has_the_same_id_and_a_new_time() -> None:
    later = datetime.now(UTC) + timedelta(minutes=4)
    async with Receiver() as receiver:
        message = event(receiver.url)
        async with account() as webhook:
            await deliver(webhook, message)
        async with account(now=later) as webhook:
            await deliver(webhook, replace(message, attempt=2))
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) == int(later.timestamp())
    assert first.body == second.body
    verified(second)


async def test_while_a_secret_is_replaced_both_verify() -> None:
    async with Receiver() as receiver, account(previous_secret=OLD_SECRET) as webhook:
        await deliver(webhook, event(receiver.url))
    verified(receiver.received[0], SECRET)
    verified(receiver.received[0], OLD_SECRET)


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (200, "accepted", ""),
        (204, "accepted", ""),
        (301, "rejected", "unreachable"),
        (307, "rejected", "unreachable"),
        (400, "rejected", "content_refused"),
        (401, "rejected", "blocked"),
        (404, "rejected", "unreachable"),
        (408, "retry", "vendor_error"),
        (410, "rejected", "blocked"),
        (413, "rejected", "content_refused"),
        (425, "retry", "vendor_error"),
        (429, "throttled", "rate"),
        (500, "retry", "vendor_error"),
        (502, "throttled", "rate"),
        (503, "retry", "vendor_error"),
        (504, "throttled", "rate"),
    ],
)
async def test_a_status_says_whether_to_retry_wait_or_give_up(status: int, kind: str, reason: str) -> None:
    elsewhere = {"Location": "https://example.com/"} if 300 <= status < 400 else {}
    async with Receiver(Reply(status, headers=elsewhere)) as receiver, account() as webhook:
        outcome = await deliver(webhook, event(receiver.url + "/orders?key=1"))
    assert (outcome.kind.value, outcome.reason) == (kind, reason)
    assert outcome.detail["status"] == status
    assert outcome.detail["request"] == f"POST {receiver.url}/orders"
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_the_endpoint_says_how_long_to_wait(status: int) -> None:
    async with Receiver(Reply(status, headers={"Retry-After": "42"})) as receiver, account() as webhook:
        assert (await deliver(webhook, event(receiver.url))).retry_after == 42.0


async def test_a_broken_connection_is_ambiguous_and_the_receiver_can_tell_a_repetition() -> None:
    async with Receiver(Reply(cut=True)) as receiver, account() as webhook:
        message = event(receiver.url)
        assert (await deliver(webhook, message)).kind == "ambiguous"
        assert (await deliver(webhook, message)).kind == "accepted"
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    assert SignedWebhook.capabilities.idempotent


@pytest.mark.parametrize("path", ["", "/latest/meta-data"])
async def test_a_private_address_is_refused_for_good_and_not_connected_to(path: str) -> None:
    async with Receiver() as receiver, account(allow_private=False) as webhook:
        outcome = await deliver(webhook, event(f"https://127.0.0.1{path}"))
        plain = await deliver(webhook, event(receiver.url))
        assert receiver.received == []
    assert (outcome.kind.value, outcome.reason) == (plain.kind.value, plain.reason) == ("rejected", "forbidden_target")
    assert "not on the public internet" in outcome.detail["message"]


def test_a_secret_never_shows() -> None:
    config = SignedWebhook.Config.model_validate({"secret": SECRET})
    assert SECRET not in f"{config!r} {config.model_dump_json()}"
    with pytest.raises(ValueError) as caught:
        SignedWebhook.Config.model_validate({"secret": "whsec_dG9vIHNob3J0"})
    assert "dG9vIHNob3J0" not in str(caught.value)
