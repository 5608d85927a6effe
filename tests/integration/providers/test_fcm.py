"""What do Google's sign-in and FCM get, and what do we make of their answers?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.oauth2 import service_account

from providers import testing
from providers.base import Message
from providers.push.fcm import Fcm
from providers.registry import channel
from tests.support.http_receiver import Receiver, Reply
from tests.support.vendor import NONSENSE, Clock, deliver, https_vendor, said

SIGN_IN, FCM = "oauth2.googleapis.com", "fcm.googleapis.com"
KEY = generate_private_key(65_537, 2048)
FILE = {
    "type": "service_account",
    "project_id": "example-shop",
    "private_key_id": "0a1b2c3d",
    "private_key": KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    "client_email": "techrar@example-shop.iam.gserviceaccount.com",
    "token_uri": "https://evil.example/token",
}
NAME = "projects/example-shop/messages/0:1500415314455276%31bd1c9631bd1c96"
SENT = Reply(200, json.dumps({"name": NAME}).encode())


def granted(token: str = "ya29.first", seconds: int = 3599) -> Reply:
    return Reply(200, json.dumps({"access_token": token, "expires_in": seconds, "token_type": "Bearer"}).encode())


def refused(code: int, status: str, word: str = "", message: str = "no", fields: tuple[str, ...] = ()) -> Reply:
    """The bodies that Google's APIs give: a general status, and FCM's own word among the details."""
    details: list[dict[str, Any]] = []
    if fields:
        violations = [{"field": field, "description": message} for field in fields]
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
    if word:
        details.append({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": word})
    error = {"code": code, "message": message, "status": status, "details": details}
    return Reply(code, json.dumps({"error": error}).encode())


@asynccontextmanager
async def vendor(*replies: Reply, clock: Clock | None = None) -> AsyncIterator[tuple[Receiver, Fcm]]:
    config = Fcm.Config.model_validate({"service_account": json.dumps(FILE)})
    async with https_vendor(*replies, names=(SIGN_IN, FCM)) as (receiver, net):
        yield receiver, Fcm(config, net, now=clock or Clock(testing.NOW))


def card(**fields: Any) -> Message:
    return testing.message(channel("push"), "fLq3kZ0example-token", **fields)


def hosts(receiver: Receiver) -> list[str]:
    return [got.headers["Host"].split(".")[0] for got in receiver.received]


async def test_a_device_gets_the_card_under_the_deliverys_name() -> None:
    content = {
        "title": "Order 42",
        "body": "On its way.",
        "url": "https://shop.example/42",
        "image": "https://shop.example/42.png",
        "data": {"order": 42},
    }
    message = card(content=content)
    async with vendor(granted(), SENT) as (receiver, fcm):
        outcome = await deliver(fcm, message)
    assert (outcome.kind, outcome.vendor_id) == ("accepted", NAME)
    got = receiver.received[1]
    assert (got.method, got.path) == ("POST", "/v1/projects/example-shop/messages:send")
    assert got.headers["Host"] == FCM
    assert got.headers["Authorization"] == "Bearer ya29.first"
    name = str(message.delivery_id)
    assert got.json() == {
        "message": {
            "token": message.address,
            "notification": {"title": "Order 42", "body": "On its way.", "image": content["image"]},
            "data": {"delivery_id": name, "url": content["url"], "image": content["image"], "data": '{"order":42}'},
            "android": {"notification": {"tag": name}},
            "apns": {"headers": {"apns-collapse-id": name}},
            "webpush": {"headers": {"Topic": message.delivery_id.hex}},
        }
    }


async def test_our_statement_is_the_one_that_googles_own_library_makes() -> None:
    async with vendor(granted(), SENT) as (receiver, fcm):
        await deliver(fcm, card())
    form = parse_qs(receiver.received[0].body.decode())
    assert receiver.received[0].headers["Host"] == SIGN_IN, "the file's token_uri must not decide where we connect"
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    info = {**FILE, "token_uri": f"https://{SIGN_IN}/token"}
    scope = "https://www.googleapis.com/auth/firebase.messaging"
    theirs = service_account.Credentials.from_service_account_info(info, scopes=[scope])
    oracle = theirs._make_authorization_grant_assertion()
    (ours,) = form["assertion"]
    unaged = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    mine, other = (jwt.decode(one, KEY.public_key(), algorithms=["RS256"], options=unaged) for one in (ours, oracle))
    assert jwt.get_unverified_header(ours) == jwt.get_unverified_header(oracle)
    assert mine["exp"] - mine["iat"] == other["exp"] - other["iat"] == 3600
    assert mine["iat"] == int(testing.NOW.timestamp())
    for claims in (mine, other):
        del claims["iat"], claims["exp"]
    assert mine == other


async def test_calls_at_once_share_one_token_and_later_ones_keep_it_until_shortly_before_its_end() -> None:
    clock = Clock(testing.NOW)
    async with vendor(granted(), *[SENT] * 9, granted("ya29.second"), SENT, clock=clock) as (receiver, fcm):
        await asyncio.gather(*(deliver(fcm, card()) for _ in range(8)))
        clock.at += timedelta(seconds=3200)
        await deliver(fcm, card())
        assert hosts(receiver) == ["oauth2"] + ["fcm"] * 9
        clock.at += timedelta(seconds=200)
        await deliver(fcm, card())
    assert hosts(receiver)[10:] == ["oauth2", "fcm"]
    assert receiver.received[-1].headers["Authorization"] == "Bearer ya29.second"


async def test_a_token_that_was_revoked_is_replaced_once() -> None:
    denied = refused(401, "UNAUTHENTICATED")
    async with vendor(granted(), denied, granted("ya29.second"), SENT) as (receiver, fcm):
        assert said(await deliver(fcm, card())) == ("accepted", "")
    assert hosts(receiver) == ["oauth2", "fcm", "oauth2", "fcm"]
    assert receiver.received[-1].headers["Authorization"] == "Bearer ya29.second"


async def test_a_token_that_is_refused_twice_means_that_the_account_is_wrong() -> None:
    denied = refused(401, "UNAUTHENTICATED")
    async with vendor(granted(), denied, granted("ya29.second"), denied) as (receiver, fcm):
        assert said(await deliver(fcm, card())) == ("misconfigured", "credentials")
    assert hosts(receiver) == ["oauth2", "fcm", "oauth2", "fcm"]


TOKEN, FIELD = "The registration token is not a valid FCM registration token", "message.token"
REFUSALS = [
    (refused(404, "NOT_FOUND", "UNREGISTERED"), "rejected", "invalid_address"),
    (refused(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", TOKEN), "rejected", "invalid_address"),
    (refused(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Invalid token", (FIELD,)), "rejected", "invalid_address"),
    (refused(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Android message is too big"), "rejected", "content_refused"),
    (refused(400, "INVALID_ARGUMENT", "", TOKEN), "rejected", "content_refused"),
    (refused(400, "INVALID_ARGUMENT", "", "Invalid value", ("message.data[0].value",)), "rejected", "content_refused"),
    (
        refused(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", TOKEN, (FIELD, "message.data")),
        "rejected",
        "content_refused",
    ),
    (refused(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), "rejected", "unreachable"),
    (refused(403, "PERMISSION_DENIED"), "misconfigured", "account"),
    (refused(404, "NOT_FOUND"), "misconfigured", "account"),
    (refused(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), "misconfigured", "credentials"),
    (refused(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), "throttled", "rate"),
    (refused(500, "INTERNAL", "INTERNAL"), "retry", "vendor_error"),
    (refused(503, "UNAVAILABLE", "UNAVAILABLE"), "retry", "vendor_error"),
    (refused(504, "DEADLINE_EXCEEDED"), "ambiguous", "vendor_error"),
    (refused(418, "NEW_WORD"), "rejected", "content_refused"),
]


@pytest.mark.parametrize(("reply", "kind", "reason"), REFUSALS)
async def test_a_refusal_says_whether_to_retry_wait_or_give_up(reply: Reply, kind: str, reason: str) -> None:
    async with vendor(granted(), reply) as (receiver, fcm):
        outcome = await deliver(fcm, card())
    assert said(outcome) == (kind, reason)
    assert hosts(receiver) == ["oauth2", "fcm"], "nobody repeats a call but the service"


@pytest.mark.parametrize(
    ("given", "waits"), [({}, 60.0), ({"Retry-After": "5"}, 60.0), ({"Retry-After": "300"}, 300.0)]
)
async def test_a_quota_is_waited_for_at_least_a_minute(given: dict[str, str], waits: float) -> None:
    full = replace(refused(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), headers=given)
    async with vendor(granted(), full) as (_, fcm):
        assert (await deliver(fcm, card())).retry_after == waits


async def test_a_busy_vendor_says_how_long_to_wait() -> None:
    busy = replace(refused(503, "UNAVAILABLE", "UNAVAILABLE"), headers={"Retry-After": "20"})
    async with vendor(granted(), busy) as (_, fcm):
        assert (await deliver(fcm, card())).retry_after == 20.0


@pytest.mark.parametrize("body", NONSENSE.values(), ids=list(NONSENSE))
@pytest.mark.parametrize(
    ("status", "kind"), [(200, "ambiguous"), (204, "ambiguous"), (400, "retry"), (404, "retry"), (502, "ambiguous")]
)
async def test_nonsense_is_never_taken_for_sent_nor_held_against_anybody(status: int, kind: str, body: bytes) -> None:
    async with vendor(granted(), Reply(status, b"" if status == 204 else body)) as (_, fcm):
        outcome = await deliver(fcm, card())
    assert outcome.kind == kind
    assert "error" not in outcome.detail, "the adapter must not have crashed"


async def test_a_connection_that_breaks_after_the_request_leaves_it_open() -> None:
    async with vendor(granted(), Reply(cut=True)) as (receiver, fcm):
        assert said(await deliver(fcm, card())) == ("ambiguous", "connection")
    assert hosts(receiver) == ["oauth2", "fcm"]


def denied(code: int, word: str) -> Reply:
    return Reply(code, json.dumps({"error": word, "error_description": "Invalid JWT Signature."}).encode())


@pytest.mark.parametrize(
    ("reply", "kind", "reason"),
    [
        (denied(400, "invalid_grant"), "misconfigured", "credentials"),
        (denied(401, "invalid_client"), "misconfigured", "credentials"),
        (Reply(429, b"{}"), "throttled", "rate"),
        (denied(500, "internal_failure"), "retry", "vendor_error"),
        (Reply(504, b"<html>"), "retry", "unexpected_answer"),
        (Reply(403, b"<html>"), "retry", "unexpected_answer"),
        (Reply(200, b'{"access_token": "", "expires_in": 3599}'), "retry", "unexpected_answer"),
        (Reply(200, b'{"access_token": "x", "expires_in": "soon"}'), "retry", "unexpected_answer"),
        (Reply(cut=True), "retry", "connection"),
        *((Reply(200, body), "retry", "unexpected_answer") for body in NONSENSE.values()),
    ],
)
async def test_without_a_token_nothing_was_sent_whatever_happened(reply: Reply, kind: str, reason: str) -> None:
    async with vendor(reply) as (receiver, fcm):
        outcomes = await asyncio.gather(*(deliver(fcm, card()) for _ in range(3)))
    assert {said(outcome) for outcome in outcomes} == {(kind, reason)}
    assert hosts(receiver) == ["oauth2"], "those who wait for a token fail with it, not one after the other"


async def test_after_a_failed_sign_in_the_next_call_tries_again() -> None:
    async with vendor(Reply(503), granted(), SENT) as (_, fcm):
        assert said(await deliver(fcm, card())) == ("retry", "vendor_error")
        assert said(await deliver(fcm, card())) == ("accepted", "")


@pytest.mark.parametrize("reply", [SENT, refused(403, "PERMISSION_DENIED")], ids=["sent", "refused"])
async def test_no_token_and_no_key_shows(reply: Reply) -> None:
    async with vendor(granted(), reply) as (_, fcm):
        outcome = await deliver(fcm, card())
        assert "ya29" not in str(outcome)
        assert "PRIVATE" not in repr(fcm.config)


@pytest.mark.parametrize(
    "file",
    [
        "not json",
        "{}",
        json.dumps({**FILE, "private_key": "s3cret"}),
        json.dumps({**FILE, "project_id": "../../evil"}),
        json.dumps({**FILE, "client_email": 7}),
    ],
)
def test_a_file_that_is_no_service_account_is_refused_and_does_not_show(file: str) -> None:
    with pytest.raises(ValueError, match="JSON file of a service account") as caught:
        Fcm.Config.model_validate({"service_account": file})
    assert "s3cret" not in str(caught.value)
    assert "PRIVATE" not in str(caught.value)
