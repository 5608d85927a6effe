"""What does Twilio get over either channel, and what do we make of its answers?"""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from providers import testing, twilio
from providers.base import Message, Provider
from providers.registry import channel
from providers.sms.twilio import TwilioSms
from providers.whatsapp.twilio import TwilioWhatsApp
from tests.support.http_receiver import Received, Receiver, Reply
from tests.support.vendor import deliver, form, reply, vendor

SID = "AC" + "0" * 32
SERVICE = "MG" + "1" * 32
CONTENT_SID = "HX" + "2" * 32
HOOK = "https://techrar.example/hooks/twilio/token"
PRICES = {"currency": "USD", "micros": {"1": 7_900, "": 50_000}}
TEMPLATE = {"template": "order_shipped", "language": "en_US", "parameters": ["42", 7]}
TAKEN = {
    "account_sid": SID,
    "body": "Your code is 123456.",
    "error_code": None,
    "error_message": None,
    "num_segments": "1",
    "price": None,
    "sid": "SM" + "a" * 32,
    "status": "queued",
    "to": "+12025550123",
}


def refused(code: int, status: int = 400, **headers: str) -> Reply:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return reply({"code": code, "message": "No.", "more_info": more, "status": status}, status, **headers)


def sms(*replies: Reply, **config: Any) -> AbstractAsyncContextManager[tuple[Provider, Receiver]]:
    return vendor(TwilioSms, twilio, *replies, **config)


def whatsapp(*replies: Reply, **config: Any) -> AbstractAsyncContextManager[tuple[Provider, Receiver]]:
    return vendor(TwilioWhatsApp, twilio, *replies, **config)


def message(on: str, text: str = "Hello", **fields: Any) -> Message:
    return testing.message(channel(on), **{"content": {"text": text}, "receipt_url": HOOK, **fields})


def asked(received: Received) -> dict[str, str]:
    """The form, when everything around it is as Twilio wants it."""
    assert (received.method, received.path) == ("POST", f"/2010-04-01/Accounts/{SID}/Messages.json")
    assert base64.b64decode(received.headers["Authorization"].removeprefix("Basic ")).decode() == f"{SID}:{'f' * 32}"
    return form(received)


async def test_an_sms_arrives_with_our_id_in_the_address_of_its_receipts() -> None:
    sent = message("sms", text="Grüße & Küsse +1 %")
    async with sms(reply(TAKEN, 201), validity_seconds=600) as (provider, server):
        outcome = await deliver(provider, sent)
    assert asked(server.received[0]) == {
        "To": "+12025550123",
        "From": "+12025550100",
        "Body": "Grüße & Küsse +1 %",
        "StatusCallback": f"{HOOK}?delivery={sent.delivery_id}",
        "ValidityPeriod": "600",
    }
    assert (outcome.kind, outcome.vendor_id) == ("accepted", TAKEN["sid"])
    assert outcome.detail["answer"].count("+12025550123") == 0


@pytest.mark.parametrize(
    ("sender", "words"),
    [
        (SERVICE, {"MessagingServiceSid": SERVICE}),
        ("ACME", {"From": "ACME"}),
    ],
)
async def test_the_sender_is_a_service_or_one_of_many(sender: str, words: dict[str, str]) -> None:
    async with sms(reply(TAKEN, 201), reply(TAKEN, 201), sender=sender) as (provider, server):
        await deliver(provider, message("sms", receipt_url=""))
        await deliver(provider, message("sms", sender={"address": "+12025550177"}))
    first, second = (asked(received) for received in server.received)
    assert first == {"To": "+12025550123", "Body": "Hello", **words}
    assert second["From"] == "+12025550177"
    assert "MessagingServiceSid" not in second


@pytest.mark.parametrize(("text", "units"), [("a" * 160, 1), ("a" * 161, 2), ("ж" * 71, 2)])
async def test_an_sms_costs_what_its_segments_cost(text: str, units: int) -> None:
    async with sms(reply(TAKEN, 201), prices=PRICES) as (provider, _):
        outcome = await deliver(provider, message("sms", text=text))
    assert (outcome.cost_micros, outcome.currency, outcome.detail["units"]) == (7_900 * units, "USD", units)


async def test_what_was_refused_costs_nothing() -> None:
    async with sms(refused(21610), prices=PRICES) as (provider, _):
        outcome = await deliver(provider, message("sms"))
    assert (outcome.cost_micros, outcome.currency) == (0, "")


WORD = {
    twilio.ACCOUNT: ("misconfigured", "account"),
    twilio.BLOCKED: ("rejected", "blocked"),
    twilio.CONTENT: ("rejected", "content_refused"),
    twilio.CREDENTIALS: ("misconfigured", "credentials"),
    twilio.ENOUGH: ("throttled", "recipient_rate"),
    twilio.LATER: ("retry", "vendor_error"),
    twilio.NOBODY: ("rejected", "invalid_address"),
    twilio.SLOWER: ("throttled", "rate"),
    twilio.STOPPED: ("rejected", "unsubscribed"),
    twilio.UNREACHABLE: ("rejected", "unreachable"),
}


@pytest.mark.parametrize("code", twilio.CODES)
async def test_every_row_of_the_table_comes_out_as_it_says(code: str) -> None:
    async with sms(refused(int(code))) as (provider, server):
        outcome = await deliver(provider, message("sms"))
    assert (outcome.kind.value, outcome.reason) == WORD[twilio.CODES[code]]
    assert outcome.detail["message"] == f"the vendor said {code}: No."
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (refused(20003, 401), "misconfigured", "credentials"),
        (refused(20429, 429), "throttled", "rate"),
        (refused(21211), "rejected", "invalid_address"),
        (refused(21408), "rejected", "unreachable"),
        (refused(21612), "rejected", "unreachable"),
        (refused(21610), "rejected", "unsubscribed"),
        (refused(21611, 429), "throttled", "rate"),
        (refused(21614), "rejected", "invalid_address"),
        (refused(21617), "rejected", "content_refused"),
        (refused(21635), "rejected", "invalid_address"),
        (refused(99999), "rejected", "content_refused"),
        (refused(99999, 403), "misconfigured", "credentials"),
        (refused(99999, 500), "retry", "vendor_error"),
        (reply({**TAKEN, "status": "failed", "error_code": 30006}, 201), "rejected", "invalid_address"),
        (reply({**TAKEN, "status": "failed"}, 201), "ambiguous", "unexpected_answer"),
    ],
)
async def test_what_twilio_says_decides_what_follows(answer: Reply, kind: str, reason: str) -> None:
    async with sms(answer) as (provider, _):
        outcome = await deliver(provider, message("sms"))
    assert (outcome.kind.value, outcome.reason) == (kind, reason)


async def test_a_refusal_that_repeats_the_number_is_kept_without_it() -> None:
    said = {"code": 21211, "message": "Invalid 'To' Phone Number: +12025550123", "status": 400}
    async with sms(reply(said, 400)) as (provider, _):
        outcome = await deliver(provider, message("sms"))
    assert outcome.detail["message"] == "the vendor said 21211: Invalid 'To' Phone Number: +***123"
    assert "12025550123" not in str(outcome.detail)


async def test_twilio_or_the_table_says_how_long_to_wait() -> None:
    answers = [refused(20429, 429, **{"Retry-After": "7"}), *(refused(code) for code in (21611, 63018, 63049, 20429))]
    async with sms(*answers) as (provider, _):
        waits = [(await deliver(provider, message("sms"))).retry_after for _ in answers]
    assert waits == [7.0, 60.0, 60.0, 86_400.0, None]


async def test_whatsapp_text_goes_to_the_same_place_under_another_name() -> None:
    sent = message("whatsapp")
    async with whatsapp(reply(TAKEN, 201), prices=PRICES) as (provider, server):
        outcome = await deliver(provider, sent)
    assert asked(server.received[0]) == {
        "To": "whatsapp:+12025550123",
        "From": "whatsapp:+12025550100",
        "Body": "Hello",
        "StatusCallback": f"{HOOK}?delivery={sent.delivery_id}",
    }
    assert (outcome.kind, outcome.cost_micros, outcome.currency) == ("accepted", 7_900, "USD")


@pytest.mark.parametrize(
    ("parameters", "variables"),
    [
        (["42", 7], '{"1":"42","2":"7"}'),
        ({"order": "42", "days": 1.5}, '{"order":"42","days":"1.5"}'),
        (None, None),
    ],
)
async def test_a_template_is_known_by_its_content_sid(parameters: Any, variables: str | None) -> None:
    content = {**TEMPLATE, "parameters": parameters}
    templates = {"order_shipped/en_US": CONTENT_SID, "order_shipped/de": "HX" + "3" * 32}
    async with whatsapp(reply(TAKEN, 201), templates=templates, sender=SERVICE) as (provider, server):
        await deliver(provider, message("whatsapp", content=content, receipt_url=""))
    asked_for = {"To": "whatsapp:+12025550123", "MessagingServiceSid": SERVICE, "ContentSid": CONTENT_SID}
    assert asked(server.received[0]) == asked_for | ({"ContentVariables": variables} if variables else {})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TEMPLATE, "name no content SID for template order_shipped/en_US"),
        ({**TEMPLATE, "language": "de", "parameters": [{"a": 1}]}, "template parameter 1 must be a text or a number"),
        ({**TEMPLATE, "language": "de", "parameters": {"x": None}}, "template parameter x must be a text or a number"),
        ({**TEMPLATE, "language": "de", "parameters": [True]}, "template parameter 1 must be a text or a number"),
    ],
)
async def test_what_twilio_cannot_express_is_refused_before_it_is_asked(content: Any, words: str) -> None:
    async with whatsapp(templates={"order_shipped/de": CONTENT_SID}) as (provider, server):
        outcome = await deliver(provider, message("whatsapp", content=content))
        assert server.received == []
    assert (outcome.kind.value, outcome.reason) == ("rejected", "unsupported")
    assert outcome.detail["message"].endswith(words)


async def test_a_closed_window_says_that_only_a_template_may_be_sent() -> None:
    async with whatsapp(refused(63016)) as (provider, _):
        outcome = await deliver(provider, message("whatsapp"))
    assert (outcome.kind.value, outcome.reason) == ("rejected", "content_refused")
    assert outcome.detail["message"].startswith("the vendor said 63016")
