"""What if a vendor answers what nobody can read? Never a crash, never a false `sent`, never a final no."""

from __future__ import annotations

import logging
import ssl
from contextlib import AbstractAsyncContextManager
from types import ModuleType
from typing import Any

import pytest
from aiohttp.test_utils import unused_port

from providers import testing, twilio
from providers.base import Provider
from providers.registry import channel
from providers.sms import sns, vonage
from providers.sms.sns import SnsSms
from providers.sms.twilio import TwilioSms
from providers.sms.vonage import VonageSms
from providers.whatsapp import cloud_api
from providers.whatsapp.cloud_api import WhatsAppCloud
from providers.whatsapp.twilio import TwilioWhatsApp
from tests.support.http_receiver import Receiver, Reply
from tests.support.vendor import deliver, host_of, network, vendor

ADAPTERS: list[tuple[type[Provider], ModuleType]] = [
    (TwilioSms, twilio),
    (VonageSms, vonage),
    (SnsSms, sns),
    (WhatsAppCloud, cloud_api),
    (TwilioWhatsApp, twilio),
]
HTML = b"<html><head><title>Sign in to the hotel's network</title></head></html>"
every_adapter = pytest.mark.parametrize(("cls", "module"), ADAPTERS, ids=lambda value: getattr(value, "__name__", ""))


def account(cls: Any, module: ModuleType, answer: Reply) -> AbstractAsyncContextManager[tuple[Provider, Receiver]]:
    return vendor(cls, module, answer)


async def outcome_of(cls: type[Provider], module: ModuleType, answer: Reply) -> tuple[str, str]:
    async with account(cls, module, answer) as (provider, server):
        outcome = await deliver(provider, testing.message(channel(cls.channel), content={"text": "Hello"}))
        assert len(server.received) == 1
    assert (outcome.cost_micros, outcome.vendor_id) == (0, "")
    return outcome.kind.value, outcome.reason


@every_adapter
@pytest.mark.parametrize(
    "body",
    [
        *(HTML, b"", b"null", b"[]", b"[[]]", b"1", b'"ok"', b"{}", b"\xff\xfe", b"{" * 10_000),
        *(b'{"sid": "SM1', b'{"sid": null}', b'{"sid": {"a": 1}}', b'{"sid": true}', b'{"code": {}}'),
        *(b'{"messages": 5}', b'{"messages": []}', b'{"messages": [[]]}', b'{"messages": [{"id": ["x"]}]}'),
        *(b'{"messages": [{"status": ["0"], "message-id": "x"}]}', b'{"messages": [{"status": "0"}]}'),
        *(b'{"error": "no"}', b'{"error": {"code": []}}', b"<MessageId></MessageId>", b"<MessageId>x"),
    ],
)
async def test_success_without_a_readable_yes_is_ambiguous(
    cls: type[Provider], module: ModuleType, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="techrar.providers"):
        assert await outcome_of(cls, module, Reply(200, body)) == ("ambiguous", "unexpected_answer")
    assert caplog.records == []


@every_adapter
@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        (302, ("retry", "unexpected_answer")),
        (400, ("retry", "unexpected_answer")),
        (401, ("misconfigured", "credentials")),
        (403, ("retry", "unexpected_answer")),
        (404, ("retry", "unexpected_answer")),
        (408, ("retry", "vendor_error")),
        (429, ("throttled", "rate")),
        (500, ("retry", "vendor_error")),
        (502, ("ambiguous", "unexpected_answer")),
        (503, ("retry", "vendor_error")),
        (504, ("ambiguous", "unexpected_answer")),
    ],
)
@pytest.mark.parametrize("body", [HTML, b""])
async def test_a_refusal_nobody_can_read_is_no_final_one(
    cls: type[Provider], module: ModuleType, status: int, wanted: tuple[str, str], body: bytes
) -> None:
    assert await outcome_of(cls, module, Reply(status, body)) == wanted


@every_adapter
async def test_a_connection_that_breaks_after_the_request_is_ambiguous(cls: type[Provider], module: ModuleType) -> None:
    assert await outcome_of(cls, module, Reply(cut=True)) == ("ambiguous", "connection")


@every_adapter
async def test_a_vendor_that_is_not_there_was_sent_nothing(cls: type[Provider], module: ModuleType) -> None:
    given = testing.example_config(cls)
    async with network({host_of(module, given): unused_port()}, ssl.create_default_context()) as net:
        outcome = await deliver(cls(given, net), testing.message(channel(cls.channel), content={"text": "Hello"}))
    assert (outcome.kind.value, outcome.reason) == ("retry", "connection")
