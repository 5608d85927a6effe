"""What does Meta get, and what do we make of its answers?"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from providers import testing
from providers.base import Message, Provider
from providers.registry import channel
from providers.whatsapp import cloud_api
from providers.whatsapp.cloud_api import WhatsAppCloud
from tests.support.http_receiver import Received, Receiver, Reply
from tests.support.vendor import deliver, reply, vendor

WAMID = "wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI3N0EyQUJDMjFEQzZCQUMzODMA"
TAKEN = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "12025550123", "wa_id": "12025550123"}],
    "messages": [{"id": WAMID, "message_status": "accepted"}],
}


def refused(code: int, status: int = 400) -> Reply:
    error = {
        "message": f"(#{code}) No.",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": "No."},
        "fbtrace_id": "A_lO_kn2ByU",
    }
    return reply({"error": error}, status)


def account(*replies: Reply, **config: Any) -> AbstractAsyncContextManager[tuple[Provider, Receiver]]:
    return vendor(WhatsAppCloud, cloud_api, *replies, **config)


def message(content: Any = None, **fields: Any) -> Message:
    return testing.message(channel("whatsapp"), **{"content": content or {"text": "Hello"}, **fields})


def asked(received: Received) -> dict[str, Any]:
    assert (received.method, received.path) == ("POST", "/v23.0/106540352242922/messages")
    assert received.headers["Authorization"] == "Bearer EAAJB"
    assert received.headers["Content-Type"] == "application/json"
    body: dict[str, Any] = received.json()
    assert (body.pop("messaging_product"), body.pop("recipient_type")) == ("whatsapp", "individual")
    assert body.pop("to") == "12025550123"
    return body


async def test_text_carries_our_id_for_the_receipts() -> None:
    sent = message({"text": "Grüße 😀"})
    async with account(reply(TAKEN), prices={"currency": "USD", "micros": {"1": 25_000}}) as (provider, server):
        outcome = await deliver(provider, sent)
    assert asked(server.received[0]) == {
        "biz_opaque_callback_data": str(sent.delivery_id),
        "type": "text",
        "text": {"body": "Grüße 😀"},
    }
    assert (outcome.kind, outcome.vendor_id) == ("accepted", WAMID)
    assert (outcome.cost_micros, outcome.currency) == (25_000, "USD")
    assert "12025550123" not in outcome.detail["answer"]


@pytest.mark.parametrize(
    ("parameters", "places"),
    [
        (["42", 7], [{"type": "text", "text": "42"}, {"type": "text", "text": "7"}]),
        ({"order": "42"}, [{"type": "text", "parameter_name": "order", "text": "42"}]),
        (None, []),
        ([], []),
    ],
)
async def test_a_template_is_filled_in_order_or_by_name(parameters: Any, places: Any) -> None:
    content = {"template": "order_shipped", "language": "en_US", "parameters": parameters}
    async with account(reply(TAKEN)) as (provider, server):
        await deliver(provider, message(content))
    body = asked(server.received[0])
    assert body["type"] == "template"
    assert body["template"] == {
        "name": "order_shipped",
        "language": {"code": "en_US"},
        **({"components": [{"type": "body", "parameters": places}]} if places else {}),
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"sender": {"address": "+12025550177"}},
        {"content": {"template": "x", "language": "en", "parameters": [{"type": "image"}]}},
        {"content": {"template": "x", "language": "en", "parameters": {"a": [1]}}},
    ],
)
async def test_what_meta_cannot_express_is_refused_before_it_is_asked(fields: Any) -> None:
    async with account() as (provider, server):
        outcome = await deliver(provider, message(**fields))
        assert server.received == []
    assert (outcome.kind.value, outcome.reason) == ("rejected", "unsupported")


@pytest.mark.parametrize(
    ("code", "status", "kind", "reason"),
    [
        (0, 401, "misconfigured", "credentials"),
        (1, 500, "retry", "vendor_error"),
        (2, 503, "retry", "vendor_error"),
        (3, 500, "misconfigured", "account"),
        (4, 429, "throttled", "rate"),
        (10, 403, "misconfigured", "account"),
        (33, 400, "misconfigured", "account"),
        (100, 400, "rejected", "content_refused"),
        (190, 401, "misconfigured", "credentials"),
        (200, 403, "misconfigured", "account"),
        (368, 403, "misconfigured", "account"),
        (80007, 400, "throttled", "rate"),
        (130429, 400, "throttled", "rate"),
        (130472, 400, "rejected", "unreachable"),
        (131000, 500, "retry", "vendor_error"),
        (131005, 403, "misconfigured", "account"),
        (131008, 400, "rejected", "content_refused"),
        (131009, 400, "rejected", "content_refused"),
        (131016, 500, "retry", "vendor_error"),
        (131021, 400, "rejected", "content_refused"),
        (131026, 400, "rejected", "unreachable"),
        (131030, 400, "misconfigured", "account"),
        (131031, 403, "misconfigured", "account"),
        (131042, 400, "misconfigured", "account"),
        (131045, 500, "misconfigured", "account"),
        (131047, 400, "rejected", "content_refused"),
        (131048, 400, "throttled", "rate"),
        (131049, 400, "throttled", "recipient_rate"),
        (131050, 400, "rejected", "blocked"),
        (131051, 400, "rejected", "unsupported"),
        (131056, 400, "throttled", "recipient_rate"),
        (131057, 500, "retry", "vendor_error"),
        (132000, 400, "rejected", "content_refused"),
        (132001, 404, "rejected", "content_refused"),
        (132005, 400, "rejected", "content_refused"),
        (132007, 400, "rejected", "content_refused"),
        (132012, 400, "rejected", "content_refused"),
        (132015, 400, "rejected", "content_refused"),
        (132016, 400, "rejected", "content_refused"),
        (133010, 400, "misconfigured", "account"),
        (999999, 400, "rejected", "content_refused"),
        (999999, 403, "misconfigured", "credentials"),
        (999999, 500, "retry", "vendor_error"),
    ],
)
async def test_the_code_decides_not_the_status(code: int, status: int, kind: str, reason: str) -> None:
    async with account(refused(code, status)) as (provider, server):
        outcome = await deliver(provider, message())
    assert (outcome.kind.value, outcome.reason) == (kind, reason)
    assert outcome.detail["message"] == f"the vendor said {code}: (#{code}) No."
    assert len(server.received) == 1


def test_no_row_of_the_table_is_left_out_above() -> None:
    (mark,) = (m for m in test_the_code_decides_not_the_status.pytestmark if m.name == "parametrize")
    assert {str(row[0]) for row in mark.args[1]} == {*cloud_api.CODES, "999999"}


@pytest.mark.parametrize(("code", "seconds"), [(131056, 60.0), (131048, 3_600.0), (131049, 86_400.0), (130429, None)])
async def test_a_limit_of_one_recipient_says_how_long_to_wait(code: int, seconds: float | None) -> None:
    async with account(refused(code)) as (provider, _):
        assert (await deliver(provider, message())).retry_after == seconds


async def test_a_token_that_was_copied_with_its_line_break_works() -> None:
    async with account(reply(TAKEN), access_token="EAAJB\r\n") as (provider, server):
        outcome = await deliver(provider, message({"text": "Hello"}))
    assert outcome.kind == "accepted"
    assert server.received[0].headers["Authorization"] == "Bearer EAAJB"
