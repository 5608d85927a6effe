"""`/hooks/{provider}/{token}` for vendors that ask before they post, and for those that sign the whole address."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import orjson
import pytest
from django.conf import settings
from django.db import connection
from twilio.request_validator import RequestValidator

from techrar.core.mode import Mode
from techrar.merchants.services import Actor
from techrar.routing import services
from tests.factories import Person, make_client

META = {
    "phone_number_id": "106540352242922",
    "access_token": "EAAJB",
    "app_secret": "s" * 32,
    "verify_token": "a-word-of-your-own",
}
TWILIO = {"account_sid": "AC" + "0" * 32, "auth_token": "t" * 32, "sender": "+12025550100"}


def hook(alice: Person, channel: str, provider: str, config: dict[str, Any]) -> str:
    """The path of a new live account."""
    row = services.create_account(
        merchant_id=alice.merchant_id,
        mode=Mode.LIVE,
        channel=channel,
        provider=provider,
        name="Main",
        config=config,
        actor=Actor("user:1"),
        now=datetime.now(UTC),
    )
    return f"/hooks/{provider}/{row.token}"


def asked(word: str = META["verify_token"], challenge: str = "1158201444") -> str:
    return urlencode({"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": word})


def stored() -> list[tuple[str, str, UUID | None]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_id, kind, delivery_id FROM receipt")
        return list(cursor.fetchall())


def test_a_vendor_that_asks_first_gets_its_challenge_back(alice: Person) -> None:
    path = hook(alice, "whatsapp", "cloud_api", META)
    answer = make_client().get(f"{path}?{asked()}")
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"1158201444", "text/plain")


def test_what_it_asks_is_never_shown_as_a_page(alice: Person) -> None:
    path = hook(alice, "whatsapp", "cloud_api", META)
    answer = make_client().get(f"{path}?{asked(challenge='<script>alert(1)</script>')}")
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("text/plain", "nosniff")


@pytest.mark.parametrize("word", ["", "another-word-of-16"])
def test_a_stranger_who_asks_is_told_nothing(alice: Person, word: str) -> None:
    answer = make_client().get(f"{hook(alice, 'whatsapp', 'cloud_api', META)}?{asked(word)}")
    assert (answer.status_code, orjson.loads(answer.content)["code"]) == (401, "wrong_signature")
    assert b"1158201444" not in answer.content


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_address_that_nobody_has_is_not_there(alice: Person, method: str) -> None:
    assert getattr(make_client(), method)(f"/hooks/cloud_api/nobody?{asked()}").status_code == 404


def test_a_vendor_that_never_asks_is_only_posted_from(alice: Person) -> None:
    answer = make_client().get(hook(alice, "sms", "twilio", TWILIO))
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_a_signed_body_is_stored_after_the_challenge(alice: Person) -> None:
    delivery = uuid4()
    status = {"id": "wamid.1", "status": "read", "timestamp": "1893553445", "biz_opaque_callback_data": str(delivery)}
    body = orjson.dumps({"entry": [{"changes": [{"value": {"statuses": [status]}}]}]})
    signature = "sha256=" + hmac.new(META["app_secret"].encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": signature}
    path = hook(alice, "whatsapp", "cloud_api", META)
    answer = make_client().generic("POST", path, body, "application/json", headers=headers)
    assert (answer.status_code, stored()) == (200, [("wamid.1-read", "read", delivery)])
    assert make_client().generic("POST", path, body + b" ", "application/json", headers=headers).status_code == 401


def test_the_query_of_an_address_belongs_to_what_is_signed(alice: Person) -> None:
    delivery, said = uuid4(), {"MessageSid": "SM1", "MessageStatus": "delivered"}
    path = f"{hook(alice, 'sms', 'twilio', TWILIO)}?delivery={delivery}"
    signature = RequestValidator(TWILIO["auth_token"]).compute_signature(settings.PUBLIC_URL + path, said)

    def post(to: str) -> int:
        form = urlencode(said), "application/x-www-form-urlencoded"
        answer = make_client().post(to, *form, headers={"X-Twilio-Signature": signature})
        return answer.status_code

    assert post(path.replace(str(delivery), str(uuid4()))) == 401
    assert (post(path), stored()) == (200, [("SM1-delivered", "delivered", delivery)])
