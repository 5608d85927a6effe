"""Do our signatures agree with the reference implementation, in both directions?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from providers import signing
from providers.errors import BadSignature
from providers.messages import ReceiptRequest

SECRET, OTHER = signing.new_secret(), signing.new_secret()
KEY, OTHER_KEY = signing.key_of(SECRET), signing.key_of(OTHER)
BODY = '{"name":"Zoë"}'.encode()


def request(headers: dict[str, str], *, body: bytes = BODY, later: float = 0) -> ReceiptRequest:
    when = datetime.now(UTC) + timedelta(seconds=later)
    return ReceiptRequest(body, headers, "https://example.com/hooks/x/y", when)


def signed(*keys: bytes) -> dict[str, str]:
    return signing.headers(keys, "msg_1", datetime.now(UTC), BODY)


def test_the_reference_verifier_accepts_what_we_sign() -> None:
    assert Webhook(SECRET).verify(BODY, signed(KEY)) == {"name": "Zoë"}


def test_while_a_secret_is_replaced_holders_of_either_can_verify() -> None:
    headers = signed(OTHER_KEY, KEY)
    for secret in (SECRET, OTHER):
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(BODY, headers)


def test_we_accept_what_the_reference_signer_signs() -> None:
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg_1", now, BODY.decode())
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": f"v1a,x {signature}",
    }
    signing.check([OTHER_KEY, KEY], request(headers))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", [None, "", "x", "ü"])
def test_a_missing_or_changed_header_is_refused(name: str, value: str | None) -> None:
    headers = {key: v for key, v in signed(KEY).items() if key != name} | ({} if value is None else {name: value})
    with pytest.raises(BadSignature):
        signing.check([KEY], request(headers))


def test_a_changed_body_is_refused() -> None:
    with pytest.raises(BadSignature, match="does not match"):
        signing.check([KEY], request(signed(KEY), body=BODY + b" "))


def test_another_accounts_secret_is_refused() -> None:
    with pytest.raises(BadSignature, match="does not match"):
        signing.check([KEY], request(signed(OTHER_KEY)))


@pytest.mark.parametrize("later", [-302, 302])
def test_a_copied_request_is_useless_after_five_minutes(later: float) -> None:
    with pytest.raises(BadSignature, match="too old or from the future"):
        signing.check([KEY], request(signed(KEY), later=later))
    signing.check([KEY], request(signed(KEY), later=later * 0.98))


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", pytest.param(SECRET.removeprefix("whsec_"), id="no prefix")],
)
def test_a_secret_that_is_too_short_or_malformed_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ followed by 24 to 64 bytes"):
        signing.key_of(secret)
