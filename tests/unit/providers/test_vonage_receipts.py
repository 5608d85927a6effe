"""Who may say what became of a message of Vonage's? Checked against Vonage's own client, in both directions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
import pytest
from vonage_http_client.auth import Auth

from providers.base import Receipt, ReceiptRequest
from providers.errors import BadSignature
from providers.sms.vonage import VonageSms
from providers.testing import NOW, example_config
from tests.support.vendor import revealed

CONFIG: Any = example_config(VonageSms)
SECRET = CONFIG.signature_secret.get_secret_value()
DELIVERY = UUID("0190c0de-0000-7000-8000-000000000001")
SAID = {
    "msisdn": "12025550123",
    "to": "TECHRAR",
    "network-code": "310090",
    "messageId": "0A0000001234567B",
    "price": "0.03330000",
    "status": "delivered",
    "scts": "3001020304",
    "err-code": "0",
    "api-key": "abcd1234",
    "client-ref": str(DELIVERY),
    "message-timestamp": "2030-01-02 03:04:04",
    "nonce": "a=b&c ü",
}


def signed(said: dict[str, Any], *, secret: str = SECRET, method: Any = "sha256", at: datetime = NOW) -> dict[str, Any]:
    """With Vonage's own signature."""
    whole = {"timestamp": str(int(at.timestamp())), **said}
    auth = Auth(api_key="abcd1234", signature_secret=secret, signature_method=method)
    return {**whole, "sig": auth.sign_params(whole).upper()}


def request(said: dict[str, Any], *, as_form: bool = False) -> ReceiptRequest:
    body = urlencode(said).encode() if as_form else orjson.dumps(said)
    return ReceiptRequest(body, {}, "https://techrar.example/hooks/vonage/t", NOW)


def receipt(**said: str) -> Receipt:
    posted = request(signed({**SAID, **said}))
    VonageSms.verify(CONFIG, posted)
    (found,) = VonageSms.parse_receipts(CONFIG, posted)
    return found


@pytest.mark.parametrize("as_form", [False, True])
@pytest.mark.parametrize("method", ["sha256", "sha512"])
def test_we_accept_what_vonage_signs(as_form: bool, method: str) -> None:
    config = VonageSms.Config.model_validate({**revealed(CONFIG), "signature_method": method})
    VonageSms.verify(config, request(signed(SAID, method=method), as_form=as_form))


@pytest.mark.parametrize(
    "forged",
    [
        SAID,
        signed(SAID, secret="another-secret-of-32-characters!"),
        signed(SAID, method="sha512"),
        signed(SAID) | {"status": "failed"},
        signed(SAID) | {"extra": "x"},
        signed(SAID) | {"sig": "ü"},
        signed(SAID) | {"sig": ["x"]},
        signed({**SAID, "timestamp": "soon"}),
        signed(SAID, at=NOW - timedelta(seconds=301)),
        signed(SAID, at=NOW + timedelta(seconds=301)),
    ],
)
def test_what_vonage_did_not_sign_just_now_is_refused(forged: dict[str, Any]) -> None:
    with pytest.raises(BadSignature):
        VonageSms.verify(CONFIG, request(forged))


def test_a_receipt_names_our_delivery() -> None:
    found = receipt()
    assert (found.delivery_id, found.vendor_id) == (DELIVERY, "0A0000001234567B")
    assert (found.event_id, found.at) == ("0A0000001234567B-delivered", datetime(2030, 1, 2, 3, 4, 4, tzinfo=UTC))
    assert found.raw["network-code"] == "310090"


@pytest.mark.parametrize(
    ("status", "code", "kind", "reason", "permanent"),
    [
        ("accepted", "0", "sent", "", False),
        ("buffered", "0", "sent", "", False),
        ("failed", "1", "bounced", "unreachable", False),
        ("failed", "2", "bounced", "unreachable", False),
        ("failed", "3", "bounced", "invalid_address", True),
        ("rejected", "4", "bounced", "blocked", True),
        ("rejected", "6", "bounced", "content_refused", False),
        ("rejected", "9", "bounced", "unsubscribed", True),
        ("rejected", "10", "bounced", "content_refused", False),
        ("rejected", "14", "bounced", "blocked", True),
        ("failed", "15", "bounced", "unreachable", False),
        ("rejected", "52", "bounced", "content_refused", False),
        ("rejected", "53", "bounced", "blocked", True),
        ("expired", "99", "bounced", "unreachable", False),
        ("unknown", "1", "unknown", "", False),
    ],
)
def test_statuses_and_codes_become_our_words(status: str, code: str, kind: str, reason: str, permanent: bool) -> None:
    found = receipt(status=status, **{"err-code": code})
    assert (found.kind.value, found.reason, found.permanent) == (kind, reason, permanent)


@pytest.mark.parametrize("moment", ["", "yesterday", "2030-01-02T03:04:04.000+00:00"])
def test_a_time_nobody_can_read_is_the_time_of_arrival(moment: str) -> None:
    expected = datetime(2030, 1, 2, 3, 4, 4, tzinfo=UTC) if moment.startswith("2030") else NOW
    assert receipt(**{"message-timestamp": moment}).at == expected


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"\xff", b'{"messageId": [1], "status": {}}', b"text=STOP&msisdn=1"]
)
def test_what_is_no_receipt_leaves_none(body: bytes) -> None:
    assert VonageSms.parse_receipts(CONFIG, ReceiptRequest(body, {}, "https://techrar.example/h", NOW)) == []
