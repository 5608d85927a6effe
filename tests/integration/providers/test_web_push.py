"""What do a push service and a browser get, and what do we make of the service's answer?"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from providers import testing
from providers.base import Message
from providers.guard import STRICT
from providers.http import Network
from providers.registry import channel
from providers.web_push import example
from providers.web_push.vapid import Vapid
from tests.support.http_receiver import Receiver, Reply
from tests.support.vendor import NONSENSE, Clock, deliver, https_vendor, said

SERVICE = "updates.push.services.mozilla.com"
ENDPOINT = f"https://{SERVICE}/wpush/v2/s3cret-subscription"
CREATED = Reply(201, b"", {"Location": f"https://{SERVICE}/m/message-1"})
SHOP = generate_private_key(SECP256R1())
BROWSER, AUTH = generate_private_key(SECP256R1()), os.urandom(16)


def url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def point(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)  # type: ignore[no-any-return]


def subscription(endpoint: str = ENDPOINT, p256dh: bytes | None = None) -> str:
    keys = {"p256dh": url64(p256dh or point(BROWSER)), "auth": url64(AUTH)}
    return channel("web_push").normalise(json.dumps({"endpoint": endpoint, "expirationTime": None, "keys": keys}))


def configured(**more: Any) -> Any:
    secret = url64(SHOP.private_numbers().private_value.to_bytes(32, "big"))
    return Vapid.Config.model_validate({"private_key": secret, "contact": "mailto:ops@example.com", **more})


@asynccontextmanager
async def vendor(*replies: Reply, clock: Clock | None = None, **config: Any) -> AsyncIterator[tuple[Receiver, Vapid]]:
    async with https_vendor(*replies, names=(SERVICE, "push.example.com")) as (receiver, net):
        yield receiver, Vapid(configured(**config), net, now=clock or Clock(testing.NOW))


def card(address: str | None = None, **fields: Any) -> Message:
    return testing.message(channel("web_push"), address or subscription(), **fields)


async def test_the_browser_reads_the_card_and_the_service_the_headers() -> None:
    content = {"title": "Order 42", "body": "On its way.", "url": "https://shop.example/42", "data": {"order": 42}}
    message = card(content=content)
    async with vendor(CREATED, ttl=3600) as (receiver, vapid):
        assert said(await deliver(vapid, message)) == ("accepted", "")
    (got,) = receiver.received
    assert (got.method, got.path, got.headers["Host"]) == ("POST", "/wpush/v2/s3cret-subscription", SERVICE)
    assert got.headers["Content-Encoding"] == "aes128gcm"
    assert got.headers["TTL"] == "3600"
    assert got.headers["Topic"] == message.delivery_id.hex
    assert len(got.headers["Topic"]) <= 32, "RFC 8030 allows no more"
    plain = http_ece.decrypt(got.body, private_key=BROWSER, auth_secret=AUTH, version="aes128gcm")
    assert json.loads(plain) == {"delivery_id": str(message.delivery_id), "tag": str(message.delivery_id), **content}


async def test_an_independent_verifier_accepts_who_we_say_we_are() -> None:
    clock = Clock(testing.NOW)
    async with vendor(CREATED, clock=clock) as (receiver, vapid):
        await deliver(vapid, card())
    scheme, _, rest = receiver.received[0].headers["Authorization"].partition(" ")
    given = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert scheme == "vapid"
    assert base64.urlsafe_b64decode(given["k"] + "=") == point(SHOP)
    key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), base64.urlsafe_b64decode(given["k"] + "="))
    claims = jwt.decode(
        given["t"], key, algorithms=["ES256"], audience=f"https://{SERVICE}", options={"verify_exp": False}
    )
    assert claims["sub"] == "mailto:ops@example.com"
    assert clock.at.timestamp() < claims["exp"] <= (clock.at + timedelta(hours=24)).timestamp()


async def test_a_second_attempt_replaces_what_may_still_wait_for_the_browser() -> None:
    message = card()
    async with vendor(CREATED, CREATED) as (receiver, vapid):
        await deliver(vapid, message)
        await deliver(vapid, replace(message, attempt=2))
    assert len({got.headers["Topic"] for got in receiver.received}) == 1


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (202, "accepted", ""),
        (301, "rejected", "unreachable"),
        (400, "misconfigured", "credentials"),
        (401, "misconfigured", "credentials"),
        (403, "misconfigured", "credentials"),
        (404, "rejected", "invalid_address"),
        (405, "rejected", "unreachable"),
        (410, "rejected", "invalid_address"),
        (413, "rejected", "content_refused"),
        (429, "throttled", "rate"),
        (500, "retry", "vendor_error"),
        (502, "retry", "vendor_error"),
        (503, "retry", "vendor_error"),
    ],
)
async def test_a_status_says_whether_to_retry_wait_or_give_up(status: int, kind: str, reason: str) -> None:
    async with vendor(Reply(status, b'{"errno": 103}')) as (receiver, vapid):
        outcome = await deliver(vapid, card())
    assert said(outcome) == (kind, reason)
    assert outcome.detail["status"] == status
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_the_service_says_how_long_to_wait(status: int) -> None:
    async with vendor(Reply(status, b"", {"Retry-After": "120"})) as (_, vapid):
        assert (await deliver(vapid, card())).retry_after == 120.0


async def test_a_key_that_has_reached_somebody_is_not_doubted_because_of_one_subscription() -> None:
    async with vendor(CREATED, Reply(403, b"VapidPkHashMismatch")) as (_, vapid):
        assert said(await deliver(vapid, card())) == ("accepted", "")
        assert said(await deliver(vapid, card())) == ("rejected", "unreachable")


@pytest.mark.parametrize("body", NONSENSE.values(), ids=list(NONSENSE))
async def test_ok_is_not_created(body: bytes) -> None:
    async with vendor(Reply(200, body)) as (_, vapid):
        assert said(await deliver(vapid, card())) == ("ambiguous", "unexpected_answer")


async def test_a_connection_that_breaks_after_the_request_leaves_it_open() -> None:
    async with vendor(Reply(cut=True)) as (receiver, vapid):
        assert said(await deliver(vapid, card())) == ("ambiguous", "connection")
        assert len(receiver.received) == 1


@pytest.mark.parametrize("endpoint", ["https://127.0.0.1/x", "https://[::1]/x", "https://169.254.169.254/latest"])
async def test_a_subscription_that_leads_into_a_private_network_is_not_connected_to(endpoint: str) -> None:
    net = Network()
    outcome = await deliver(Vapid(configured(), net), card(subscription(endpoint)))
    await net.close()
    assert said(outcome) == ("rejected", "forbidden_target")


@pytest.mark.parametrize(
    "endpoint", [ENDPOINT.replace("https", "http"), ENDPOINT.replace(".com/", ".com:22/")], ids=["plain", "port"]
)
async def test_only_https_and_its_ports_are_connected_to(endpoint: str) -> None:
    async with vendor() as (receiver, vapid):
        assert said(await deliver(vapid, card(subscription(endpoint)))) == ("rejected", "forbidden_target")
        assert receiver.connections == set()


async def test_a_name_that_leads_into_a_private_network_is_not_connected_to() -> None:
    async with vendor() as (receiver, vapid):
        vapid.net._resolver._guard = STRICT  # to which this machine is private
        assert said(await deliver(vapid, card())) == ("rejected", "forbidden_target")
        assert receiver.connections == set()


@pytest.mark.parametrize("reply", [CREATED, Reply(410), Reply(cut=True)], ids=["created", "gone", "cut"])
async def test_the_endpoint_never_shows(reply: Reply) -> None:
    async with vendor(reply) as (_, vapid):
        outcome = await deliver(vapid, card())
    assert outcome.detail["request"] == f"POST https://{SERVICE}/…"
    assert "s3cret" not in str(outcome)


@pytest.mark.parametrize(
    "address",
    [
        example("x"),
        "{}",
        "not json",
        '{"endpoint": "https://push.example.com/x", "keys": {"p256dh": "x", "auth": "y"}}',
    ],
    ids=["not on the curve", "empty", "not json", "not base64"],
)
async def test_a_subscription_that_cannot_be_encrypted_for_is_of_no_use(address: str) -> None:
    async with vendor() as (receiver, vapid):
        assert said(await deliver(vapid, card(address))) == ("rejected", "invalid_address")
        assert receiver.received == []


async def test_a_card_that_no_push_service_must_take_is_refused() -> None:
    async with vendor() as (receiver, vapid):
        outcome = await deliver(vapid, card(content={"title": "x", "body": "x" * 4000}))
    assert said(outcome) == ("rejected", "content_refused")
    assert "3993 bytes" in outcome.detail["message"]
    assert receiver.received == []


@pytest.mark.parametrize(
    "wrong",
    [{"private_key": "dG9vIHNob3J0"}, {"private_key": url64(bytes(32))}, {"contact": "ops"}, {"ttl": 2_419_201}],
    ids=["short", "zero", "contact", "ttl"],
)
def test_a_config_that_cannot_work_is_refused_and_no_key_shows(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        configured(**wrong)
    assert str(wrong.get("private_key", "nothing")) not in str(caught.value)
    assert url64(SHOP.private_numbers().private_value.to_bytes(32, "big")) not in repr(configured())
