"""Who may say what became of a message of Twilio's? Checked against Twilio's own validator, in both directions."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from providers.base import Receipt, ReceiptRequest
from providers.errors import BadSignature
from providers.sms.twilio import TwilioSms
from providers.testing import NOW, example_config
from providers.whatsapp.twilio import TwilioWhatsApp

CONFIG: Any = example_config(TwilioSms)
TOKEN = CONFIG.auth_token.get_secret_value()
DELIVERY = UUID("0190c0de-0000-7000-8000-000000000001")
URL = f"https://techrar.example/hooks/twilio/t0ken?delivery={DELIVERY}"
SAID = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+12025550123", "AccountSid": "AC1", "Empty": ""}


def request(said: dict[str, str], url: str = URL, *, signed_url: str = "", token: str = TOKEN) -> ReceiptRequest:
    """As Twilio posts it."""
    signature = RequestValidator(token).compute_signature(signed_url or url, said)
    return ReceiptRequest(urlencode(said).encode(), {"x-twilio-signature": signature}, url, NOW)


def receipt(cls: Any = TwilioSms, **said: str) -> Receipt:
    posted = request({**SAID, **said})
    cls.verify(CONFIG, posted)
    (found,) = cls.parse_receipts(CONFIG, posted)
    return found


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), max_size=6))
def test_we_accept_whatever_twilio_signs(said: dict[str, str]) -> None:
    encodable = {k: v for k, v in said.items() if (k + v).isprintable()}
    TwilioSms.verify(CONFIG, request(encodable))


@pytest.mark.parametrize(
    ("seen", "signed"),
    [
        ("https://techrar.example/h?x=1", "https://techrar.example:443/h?x=1"),
        ("https://techrar.example:443/h", "https://techrar.example/h"),
        ("http://techrar.example:8000/h", "http://techrar.example/h"),
        ("http://techrar.example:8000/h", "http://techrar.example:8000/h"),
    ],
)
def test_the_port_may_be_signed_or_not(seen: str, signed: str) -> None:
    TwilioSms.verify(CONFIG, request(SAID, seen, signed_url=signed))


@pytest.mark.parametrize(
    "forged",
    [
        request(SAID, token="another"),
        request(SAID, signed_url=URL.replace("0001", "0002")),
        request({**SAID, "MessageStatus": "failed"}, signed_url=URL + "x"),
        ReceiptRequest(urlencode(SAID).encode(), {}, URL, NOW),
        ReceiptRequest(urlencode(SAID).encode(), {"X-Twilio-Signature": "ü"}, URL, NOW),
        ReceiptRequest(b"MessageStatus=failed", dict(request(SAID).headers), URL, NOW),
    ],
    ids=["another account", "another delivery", "another address", "unsigned", "not a signature", "another body"],
)
def test_what_twilio_did_not_sign_is_refused(forged: ReceiptRequest) -> None:
    with pytest.raises(BadSignature):
        TwilioSms.verify(CONFIG, forged)


def test_a_json_body_is_covered_by_its_hash_in_the_signed_address() -> None:
    body = '{"MessageSid": "SM1"}'
    url = f"{URL}&bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    validator = RequestValidator(TOKEN)
    headers = {"X-Twilio-Signature": validator.compute_signature(url, {})}
    assert validator.validate(url, body, headers["X-Twilio-Signature"])
    TwilioSms.verify(CONFIG, ReceiptRequest(body.encode(), headers, url, NOW))
    with pytest.raises(BadSignature, match="hash"):
        TwilioSms.verify(CONFIG, ReceiptRequest(body.encode() + b" ", headers, url, NOW))


def test_a_receipt_names_our_delivery() -> None:
    found = receipt()
    assert (found.delivery_id, found.vendor_id, found.event_id) == (DELIVERY, "SM1", "SM1-delivered")
    assert (found.kind, found.at, found.reason, found.permanent) == ("delivered", NOW, "", False)
    assert found.raw == {key: value for key, value in SAID.items() if value}


@pytest.mark.parametrize(
    ("status", "code", "kind", "reason", "permanent"),
    [
        ("sent", "", "sent", "", False),
        ("read", "", "read", "", False),
        ("undelivered", "30003", "bounced", "unreachable", False),
        ("undelivered", "30004", "bounced", "blocked", True),
        ("undelivered", "30005", "bounced", "invalid_address", True),
        ("undelivered", "30006", "bounced", "invalid_address", True),
        ("undelivered", "30007", "bounced", "content_refused", False),
        ("undelivered", "30008", "bounced", "unreachable", False),
        ("failed", "21610", "bounced", "unsubscribed", True),
        ("failed", "30001", "bounced", "vendor_error", False),
        ("failed", "63016", "bounced", "content_refused", False),
        ("failed", "", "bounced", "unreachable", False),
        ("canceled", "", "bounced", "unreachable", False),
        ("teleported", "", "unknown", "", False),
    ],
)
def test_statuses_and_codes_become_our_words(status: str, code: str, kind: str, reason: str, permanent: bool) -> None:
    for cls in (TwilioSms, TwilioWhatsApp):
        found = receipt(cls, MessageStatus=status, ErrorCode=code)
        assert (found.kind.value, found.reason, found.permanent) == (kind, reason, permanent)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b"MessageSid=SM1", b"MessageSid=SM1&MessageStatus=queued"])
def test_what_says_nothing_new_leaves_no_receipt(body: bytes) -> None:
    assert TwilioSms.parse_receipts(CONFIG, ReceiptRequest(body, {}, URL, NOW)) == []


@pytest.mark.parametrize("url", ["https://techrar.example/h", "https://techrar.example/h?delivery=x"])
def test_an_address_without_our_id_leaves_the_vendors(url: str) -> None:
    (found,) = TwilioSms.parse_receipts(CONFIG, request(SAID, url))
    assert (found.delivery_id, found.vendor_id) == (None, "SM1")
