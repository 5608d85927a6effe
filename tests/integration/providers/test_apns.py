"""What does APNs get over its one connection, and what do we make of its answers?"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from h2.errors import ErrorCodes

from providers import testing
from providers.base import Message
from providers.push.apns import Apns
from providers.registry import channel
from tests.support.http2_server import Http2Server, Reply2
from tests.support.vendor import NONSENSE, Clock, certificate, deliver, network, said

HOST, SANDBOX = "api.push.apple.com", "api.sandbox.push.apple.com"
DEVICE = "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad"
KEY = generate_private_key(SECP256R1())


def pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()  # type: ignore[no-any-return]


GIVEN = {"team_id": "A1B2C3D4E5", "key_id": "F6G7H8J9K0", "private_key": pem(KEY), "topic": "com.example.shop"}


@pytest.fixture(scope="module")
def tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(HOST, SANDBOX)


Tls = tuple[ssl.SSLContext, ssl.SSLContext]


@asynccontextmanager
async def vendor(
    tls: Tls, *replies: Reply2, clock: Clock | None = None, at_once: int = 100, **config: str
) -> AsyncIterator[tuple[Http2Server, Apns]]:
    async with (
        Http2Server(*replies, tls=tls[0], at_once=at_once) as server,
        network(dict.fromkeys((HOST, SANDBOX), server.port), tls[1]) as net,
    ):
        apns = Apns(Apns.Config.model_validate({**GIVEN, **config}), net, now=clock or Clock(testing.NOW))
        try:
            yield server, apns
        finally:
            await apns.close()


def refused(status: int, reason: str, **more: Any) -> Reply2:
    return Reply2(status, json.dumps({"reason": reason, **more}).encode(), {"apns-id": "x"})


def card(**fields: Any) -> Message:
    return testing.message(channel("push"), DEVICE, **fields)


async def test_a_device_gets_the_card_under_the_deliverys_name(tls: Tls) -> None:
    content = {
        "title": "Order 42",
        "body": "On its way.",
        "url": "https://shop.example/42",
        "image": "https://shop.example/42.png",
        "data": {"order": 42},
    }
    message = card(content=content)
    async with vendor(tls) as (server, apns):
        outcome = await deliver(apns, message)
    name = str(message.delivery_id)
    assert (said(outcome), outcome.vendor_id) == (("accepted", ""), name)
    (got,) = server.requests
    assert (got.headers[":method"], got.headers[":path"]) == ("POST", f"/3/device/{DEVICE}")
    assert got.headers[":authority"] == HOST
    assert got.headers["apns-topic"] == "com.example.shop"
    assert got.headers["apns-push-type"] == "alert"
    assert got.headers["apns-id"] == got.headers["apns-collapse-id"] == name
    assert json.loads(got.body) == {
        "aps": {"alert": {"title": "Order 42", "body": "On its way."}, "sound": "default", "mutable-content": 1},
        "delivery_id": name,
        "url": "https://shop.example/42",
        "image": "https://shop.example/42.png",
        "data": {"order": 42},
    }


async def test_an_independent_verifier_accepts_who_we_say_we_are(tls: Tls) -> None:
    async with vendor(tls, environment="sandbox") as (server, apns):
        await deliver(apns, card())
    (got,) = server.requests
    assert got.headers[":authority"] == SANDBOX
    scheme, _, token = got.headers["authorization"].partition(" ")
    assert scheme == "bearer"
    assert jwt.get_unverified_header(token)["kid"] == "F6G7H8J9K0"
    claims = jwt.decode(token, KEY.public_key(), algorithms=["ES256"], options={"verify_iat": False})
    assert claims == {"iss": "A1B2C3D4E5", "iat": int(testing.NOW.timestamp())}


async def test_a_token_that_is_no_path_stays_one_part_of_it(tls: Tls) -> None:
    async with vendor(tls) as (server, apns):
        await deliver(apns, testing.message(channel("push"), "../../evil?x=1#y"))
    assert server.requests[0].headers[":path"] == "/3/device/..%2F..%2Fevil%3Fx%3D1%23y"


async def test_a_hundred_pushes_at_once_share_one_connection_and_one_token(tls: Tls) -> None:
    async with vendor(tls, *[Reply2(hold=True, headers={"apns-id": "x"})] * 100, at_once=1000) as (server, apns):
        calls = [asyncio.create_task(deliver(apns, card())) for _ in range(100)]
        await server.wait_for(100)  # and none of them has an answer yet
        server.release()
        assert {said(outcome) for outcome in await asyncio.gather(*calls)} == {("accepted", "")}
        assert len(server.connections) == 1
        assert len({got.headers["authorization"] for got in server.requests}) == 1


async def test_a_token_is_made_anew_before_it_is_an_hour_old_and_not_sooner_than_apple_allows(tls: Tls) -> None:
    clock = Clock(testing.NOW)
    async with vendor(tls, clock=clock) as (server, apns):
        for minutes in (0, 45, 51, 99):
            clock.at = testing.NOW + timedelta(minutes=minutes)
            await deliver(apns, card())
    first, second, third, fourth = (got.headers["authorization"] for got in server.requests)
    assert first == second != third == fourth


@pytest.mark.parametrize("reason", ["ExpiredProviderToken", "InvalidProviderToken"])
async def test_a_token_that_is_refused_is_replaced_once_where_apple_allows_it(tls: Tls, reason: str) -> None:
    clock = Clock(testing.NOW)
    async with vendor(tls, Reply2(headers={"apns-id": "x"}), refused(403, reason), clock=clock) as (server, apns):
        await deliver(apns, card())
        clock.at += timedelta(minutes=25)
        assert said(await deliver(apns, card())) == ("accepted", "")
        tokens = [got.headers["authorization"] for got in server.requests]
        assert tokens[0] == tokens[1] != tokens[2]
        clock.at += timedelta(minutes=19)
        server.replies.append(refused(403, reason))
        assert said(await deliver(apns, card())) == ("misconfigured", "credentials")
        assert len(server.requests) == 4, "a new token within 20 minutes would be refused as well"


REFUSALS = [
    (refused(400, "BadMessageId"), "rejected", "content_refused"),
    (refused(400, "PayloadEmpty"), "rejected", "content_refused"),
    (refused(400, "BadTopic"), "misconfigured", "account"),
    (refused(400, "TopicDisallowed"), "misconfigured", "account"),
    (refused(400, "IdleTimeout"), "retry", "vendor_error"),
    (refused(403, "BadCertificateEnvironment"), "misconfigured", "credentials"),
    (refused(403, "ExpiredProviderToken"), "misconfigured", "credentials"),
    (refused(403, "InvalidProviderToken"), "misconfigured", "credentials"),
    (refused(404, "BadPath"), "misconfigured", "account"),
    (refused(405, "MethodNotAllowed"), "misconfigured", "account"),
    (refused(410, "NewWord"), "rejected", "unreachable"),
    (refused(413, "PayloadTooLarge"), "rejected", "content_refused"),
    (refused(429, "TooManyRequests"), "throttled", "recipient_rate"),
    (refused(429, "TooManyProviderTokenUpdates"), "misconfigured", "credentials"),
    (refused(500, "InternalServerError"), "retry", "vendor_error"),
    (refused(503, "ServiceUnavailable"), "retry", "vendor_error"),
    (refused(503, "Shutdown"), "retry", "vendor_error"),
    (refused(418, "NewWord"), "rejected", "content_refused"),
    (Reply2(reset=ErrorCodes.REFUSED_STREAM), "retry", "vendor_error"),
    (Reply2(reset=ErrorCodes.INTERNAL_ERROR), "ambiguous", "connection"),
    (Reply2(cut=True), "ambiguous", "connection"),
    (Reply2(200, b"", {}), "ambiguous", "unexpected_answer"),
]


@pytest.mark.parametrize(("reply", "kind", "reason"), REFUSALS)
async def test_a_refusal_says_whether_to_retry_wait_or_give_up(tls: Tls, reply: Reply2, kind: str, reason: str) -> None:
    async with vendor(tls, reply) as (server, apns):
        outcome = await deliver(apns, card())
    assert said(outcome) == (kind, reason)
    assert len(server.requests) == 1, "nobody repeats a call but the service"
    assert outcome.detail["request"] == f"POST https://{HOST}/3/device/…"
    assert DEVICE not in str(outcome)


@pytest.mark.parametrize("reason", ["BadDeviceToken", "DeviceTokenNotForTopic"])
async def test_a_token_is_not_blamed_while_topic_and_environment_may_be_wrong(tls: Tls, reason: str) -> None:
    bad = refused(400, reason)
    async with vendor(tls, bad, Reply2(headers={"apns-id": "x"}), bad) as (_, apns):
        assert said(await deliver(apns, card())) == ("rejected", "unreachable")
        assert said(await deliver(apns, card())) == ("accepted", "")
        assert said(await deliver(apns, card())) == ("rejected", "invalid_address")


GONE_AT = testing.NOW - timedelta(days=2)


@pytest.mark.parametrize("reason", ["Unregistered", "ExpiredToken"])
@pytest.mark.parametrize(
    ("since", "verdict"),
    [
        (None, "invalid_address"),
        (GONE_AT - timedelta(days=9), "invalid_address"),
        (GONE_AT + timedelta(seconds=1), "unreachable"),
    ],
    ids=["unknown", "before", "after"],
)
async def test_a_device_is_gone_unless_it_registered_after_that(
    tls: Tls, reason: str, since: datetime | None, verdict: str
) -> None:
    gone = refused(410, reason, timestamp=int(GONE_AT.timestamp() * 1000))
    async with vendor(tls, gone) as (_, apns):
        assert said(await deliver(apns, card(address_since=since))) == ("rejected", verdict)


async def test_a_device_of_which_apple_does_not_say_since_when_it_is_gone_is_not_given_up(tls: Tls) -> None:
    async with vendor(tls, refused(410, "Unregistered")) as (_, apns):
        assert said(await deliver(apns, card())) == ("rejected", "unreachable")


@pytest.mark.parametrize("status", [429, 503])
async def test_apple_says_how_long_to_wait(tls: Tls, status: int) -> None:
    reply = Reply2(status, b'{"reason": "ServiceUnavailable"}', {"retry-after": "15"})
    async with vendor(tls, reply) as (_, apns):
        assert (await deliver(apns, card())).retry_after == 15.0


@pytest.mark.parametrize("body", NONSENSE.values(), ids=list(NONSENSE))
@pytest.mark.parametrize(("status", "kind"), [(200, "ambiguous"), (400, "retry"), (410, "retry"), (502, "ambiguous")])
async def test_nonsense_is_never_taken_for_sent_nor_held_against_the_device(
    tls: Tls, status: int, kind: str, body: bytes
) -> None:
    async with vendor(tls, Reply2(status, body)) as (_, apns):
        outcome = await deliver(apns, card())
    assert outcome.kind == kind
    assert "error" not in outcome.detail, "the adapter must not have crashed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"private_key": "s3cret"},
        {"private_key": pem(generate_private_key(SECP384R1()))},
        {"team_id": "x"},
        {"topic": ""},
    ],
    ids=["no key", "another curve", "team", "topic"],
)
def test_a_config_that_cannot_work_is_refused_and_no_key_shows(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError) as caught:
        Apns.Config.model_validate({**GIVEN, **wrong})
    assert "s3cret" not in str(caught.value)
    assert "PRIVATE" not in f"{caught.value} {Apns.Config.model_validate(GIVEN)!r}"
