"""Who may say what became of a message of Meta's? No library of Meta's checks signatures; the scheme is one HMAC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from providers.base import ReceiptRequest
from providers.errors import BadReceipt, BadSignature
from providers.testing import NOW, example_config
from providers.whatsapp.cloud_api import WhatsAppCloud

CONFIG: Any = example_config(WhatsAppCloud)
SECRET = CONFIG.app_secret.get_secret_value()
WORD = CONFIG.verify_token.get_secret_value()
HOOK = "https://techrar.example/hooks/cloud_api/t0ken"
DELIVERY = UUID("0190c0de-0000-7000-8000-000000000001")
STATUS = {
    "id": "wamid.1",
    "status": "delivered",
    "timestamp": "1893553445",
    "recipient_id": "12025550123",
    "biz_opaque_callback_data": str(DELIVERY),
}


def envelope(*statuses: Any, **more: Any) -> bytes:
    """As Meta posts it: several things in one body, some of them not about messages of ours."""
    meta = {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
    value = {"messaging_product": "whatsapp", "metadata": meta, "statuses": list(statuses), **more}
    changes = [{"field": "messages", "value": value}, {"field": "account_update", "value": {"event": "VERIFIED"}}]
    entries = [{"id": "102290129340398", "changes": changes}, {"id": "2", "changes": []}]
    return orjson.dumps({"object": "whatsapp_business_account", "entry": entries})


def request(body: bytes, signature: str = "", url: str = HOOK) -> ReceiptRequest:
    return ReceiptRequest(body, {"x-hub-signature-256": signature} if signature else {}, url, NOW)


def receipts(*statuses: Any, **more: Any) -> list[Any]:
    return list(WhatsAppCloud.parse_receipts(CONFIG, request(envelope(*statuses, **more))))


def independent(body: bytes, secret: str = SECRET) -> str:
    """Another library's word for it."""
    mac = HMAC(secret.encode(), SHA256())
    mac.update(body)
    return "sha256=" + mac.finalize().hex()


@pytest.mark.parametrize("body", [envelope(STATUS), b'{"text": "\\u00e9"}', '{"text": "é"}'.encode(), b""])
def test_we_accept_what_another_library_signs_byte_for_byte(body: bytes) -> None:
    WhatsAppCloud.verify(CONFIG, request(body, independent(body)))
    with pytest.raises(BadSignature):
        WhatsAppCloud.verify(CONFIG, request(body + b" ", independent(body)))


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=00", "ü", independent(envelope(STATUS), "another")])
def test_what_meta_did_not_sign_is_refused(signature: str) -> None:
    with pytest.raises(BadSignature):
        WhatsAppCloud.verify(CONFIG, request(envelope(STATUS), signature))


def test_a_challenge_is_answered_to_who_knows_the_word() -> None:
    asked = urlencode({"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": WORD})
    assert WhatsAppCloud.answer_challenge(CONFIG, request(b"", url=f"{HOOK}?{asked}")) == "1158201444"


@pytest.mark.parametrize("query", ["", "?hub.challenge=1", "?hub.challenge=1&hub.verify_token=", "?hub.verify_token=x"])
def test_a_challenge_of_anybody_else_is_refused(query: str) -> None:
    with pytest.raises(BadSignature):
        WhatsAppCloud.answer_challenge(CONFIG, request(b"", url=HOOK + query))


def test_a_receipt_names_our_delivery_and_its_time() -> None:
    (found,) = receipts(STATUS, messages=[{"from": "12025550123", "id": "wamid.9", "text": {"body": "STOP"}}])
    assert (found.delivery_id, found.vendor_id, found.event_id) == (DELIVERY, "wamid.1", "wamid.1-delivered")
    assert (found.kind, found.at) == ("delivered", datetime.fromtimestamp(1893553445, UTC))
    assert found.raw == STATUS


@pytest.mark.parametrize(
    ("status", "code", "kind", "reason", "permanent"),
    [
        ("sent", None, "sent", "", False),
        ("read", None, "read", "", False),
        ("failed", 131026, "bounced", "unreachable", False),
        ("failed", 131047, "bounced", "content_refused", False),
        ("failed", 131049, "bounced", "recipient_rate", False),
        ("failed", 131050, "bounced", "blocked", True),
        ("failed", 131042, "bounced", "account", False),
        ("failed", 999999, "bounced", "unreachable", False),
        ("failed", None, "bounced", "unreachable", False),
        ("deleted", None, "unknown", "", False),
    ],
)
def test_statuses_and_codes_become_our_words(
    status: str, code: int | None, kind: str, reason: str, permanent: bool
) -> None:
    errors = [{"code": code, "title": "No."}] if code else []
    (found,) = receipts({**STATUS, "status": status, "errors": errors})
    assert (found.kind.value, found.reason, found.permanent) == (kind, reason, permanent)


def test_a_body_of_many_statuses_leaves_a_receipt_of_each() -> None:
    found = receipts(*({**STATUS, "id": f"wamid.{n}"} for n in range(3)))
    assert [one.vendor_id for one in found] == ["wamid.0", "wamid.1", "wamid.2"]


@pytest.mark.parametrize(
    "broken",
    [
        {**STATUS, "timestamp": "soon", "biz_opaque_callback_data": "x", "errors": "x"},
        {**STATUS, "timestamp": "9" * 30, "biz_opaque_callback_data": 5, "errors": [None, 1]},
        {**STATUS, "timestamp": None, "biz_opaque_callback_data": None, "errors": [{"code": {}}]},
    ],
)
def test_surprising_values_do_not_lose_a_receipt(broken: Any) -> None:
    (found,) = receipts(broken)
    assert (found.vendor_id, found.delivery_id, found.at) == ("wamid.1", None, NOW)


@pytest.mark.parametrize(
    "body",
    [
        *(b"[]", b"null", b"{}", b'{"entry": 1}', b'{"entry": [1, {"changes": {}}]}'),
        b'{"entry": [{"changes": [{"value": 1}, {"value": {"statuses": [1, {}, {"id": [], "status": "sent"}]}}]}]}',
    ],
)
def test_what_is_no_receipt_leaves_none(body: bytes) -> None:
    assert WhatsAppCloud.parse_receipts(CONFIG, request(body)) == []


@pytest.mark.parametrize("body", [b"", b"\xff", b"<html>", b'{"entry": [{"cha'])
def test_what_nobody_can_read_is_said_to_be_so(body: bytes) -> None:
    with pytest.raises(BadReceipt):
        WhatsAppCloud.parse_receipts(CONFIG, request(body))
