"""What does Vonage get, and what do we make of answers that are always HTTP 200?"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from providers import testing
from providers.base import Message, Provider
from providers.registry import channel
from providers.sms import vonage
from providers.sms.vonage import VonageSms
from tests.support.http_receiver import Received, Receiver, Reply
from tests.support.vendor import deliver, form, reply, vendor

HOOK = "https://techrar.example/hooks/vonage/token"
PRICES = {"currency": "EUR", "micros": {"1": 5_000, "1202": 6_000}}
PIECE = {
    "to": "12025550123",
    "message-id": "0A0000000123ABCD1",
    "status": "0",
    "remaining-balance": "3.14159265",
    "message-price": "0.03330000",
    "network": "310090",
}


def taken(*pieces: dict[str, Any]) -> Reply:
    return reply({"message-count": str(len(pieces)), "messages": pieces})


def refused(status: str) -> Reply:
    return reply({"message-count": "1", "messages": [{"status": status, "error-text": "No."}]})


def account(*replies: Reply, **config: Any) -> AbstractAsyncContextManager[tuple[Provider, Receiver]]:
    return vendor(VonageSms, vonage, *replies, **config)


def message(text: str = "Hello", **fields: Any) -> Message:
    return testing.message(channel("sms"), **{"content": {"text": text}, "receipt_url": HOOK, **fields})


def asked(received: Received) -> dict[str, str]:
    assert (received.method, received.path) == ("POST", "/sms/json")
    given = form(received)
    assert (given.pop("api_key"), given.pop("api_secret")) == ("abcd1234", "0123456789abcdef")
    return given


async def test_a_message_carries_our_id_as_its_client_reference() -> None:
    sent = message("Grüße & Küsse")
    async with account(taken(PIECE)) as (provider, server):
        outcome = await deliver(provider, sent)
    assert asked(server.received[0]) == {
        "from": "TECHRAR",
        "to": "12025550123",
        "text": "Grüße & Küsse",
        "type": "text",
        "client-ref": str(sent.delivery_id),
        "status-report-req": "1",
        "callback": HOOK,
    }
    assert (outcome.kind, outcome.vendor_id) == ("accepted", PIECE["message-id"])
    assert '"to":"***123"' in outcome.detail["answer"]


async def test_other_alphabets_are_announced_and_other_senders_used() -> None:
    async with account(taken(PIECE)) as (provider, server):
        await deliver(provider, message("Привет", sender={"address": "+447700900123"}, receipt_url=""))
    given = asked(server.received[0])
    assert (given["type"], given["from"], given["text"]) == ("unicode", "447700900123", "Привет")
    assert given.keys().isdisjoint({"status-report-req", "callback"})


async def test_every_segment_costs_the_price_of_the_longest_prefix() -> None:
    pieces = [PIECE, {**PIECE, "message-id": "0A0000000123ABCD2"}]
    async with account(taken(*pieces), prices=PRICES) as (provider, _):
        outcome = await deliver(provider, message("a" * 161))
    assert (outcome.cost_micros, outcome.currency, outcome.vendor_id) == (12_000, "EUR", PIECE["message-id"])


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        ("1", "throttled", "rate"),
        ("2", "rejected", "content_refused"),
        ("3", "rejected", "content_refused"),
        ("4", "misconfigured", "credentials"),
        ("5", "retry", "vendor_error"),
        ("6", "rejected", "unreachable"),
        ("7", "rejected", "blocked"),
        ("8", "misconfigured", "account"),
        ("9", "misconfigured", "account"),
        ("10", "throttled", "rate"),
        ("11", "misconfigured", "account"),
        ("12", "rejected", "content_refused"),
        ("14", "misconfigured", "credentials"),
        ("15", "misconfigured", "account"),
        ("22", "rejected", "content_refused"),
        ("23", "misconfigured", "account"),
        ("29", "misconfigured", "account"),
        ("32", "misconfigured", "credentials"),
        ("33", "rejected", "invalid_address"),
        ("99", "retry", "unexpected_answer"),
    ],
)
async def test_the_status_inside_decides_not_the_one_outside(status: str, kind: str, reason: str) -> None:
    async with account(refused(status)) as (provider, server):
        outcome = await deliver(provider, message())
    assert (outcome.kind.value, outcome.reason) == (kind, reason)
    assert (outcome.detail["status"], len(server.received)) == (200, 1)
    assert outcome.detail["message"] == f"the vendor said {status}: No."


def test_no_row_of_the_table_is_left_out_above() -> None:
    (mark,) = (m for m in test_the_status_inside_decides_not_the_one_outside.pytestmark if m.name == "parametrize")
    assert {row[0] for row in mark.args[1]} == {*vonage.CODES, "99"}


@pytest.mark.parametrize(
    "pieces",
    [
        [PIECE, {"status": "5", "error-text": "Internal Error"}],
        [{"status": "1", "error-text": "Throttled"}, PIECE],
        [{"status": "1", "error-text": "Throttled"}, {"status": None}],
        [{**PIECE, "message-id": ""}],
        [PIECE, {**PIECE, "message-id": None}],
    ],
)
async def test_a_message_of_which_only_some_pieces_went_is_neither_sent_nor_sent_again(pieces: Any) -> None:
    async with account(taken(*pieces), prices=PRICES) as (provider, _):
        outcome = await deliver(provider, message("a" * 200))
    assert (outcome.kind.value, outcome.cost_micros) == ("ambiguous", 0)
