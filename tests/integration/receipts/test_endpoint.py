"""`POST /hooks/{provider}/{token}`: who may say what became of a message?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import connection
from django.http import HttpResponse

from providers import signing
from techrar.core.mode import Mode
from techrar.routing import selectors
from techrar.routing.accounts import Account
from tests.factories import Person, make_client


@pytest.fixture
def account(alice: Person) -> Account:
    """Merchant A's sandbox for e-mail."""
    found = selectors.accounts(merchant_id=alice.merchant_id, mode=Mode.TEST)
    return next(account for account in found if account.channel == "email")


def event(**fields: Any) -> dict[str, Any]:
    return {
        "id": uuid4().hex,
        "type": "delivered",
        "at": "2031-01-01T12:00:00+00:00",
        "delivery_id": str(uuid4()),
        "vendor_id": "v-1",
        "reason": "",
        "permanent": False,
        **fields,
    }


def post(account: Account, *events: dict[str, Any], key: bytes = b"", at: datetime | None = None) -> HttpResponse:
    body = orjson.dumps({"events": events})
    config: Any = account.config(selectors.key_ring())
    keys = [key or signing.key_of(config.secret.get_secret_value())]
    headers = signing.headers(keys, "m-1", at or datetime.now(UTC), body)
    path = f"/hooks/{account.provider}/{account.token}"
    return make_client().generic("POST", path, body, "application/json", headers=headers)


def stored() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_id, merchant_id, mode, account_id, kind, vendor_id, raw::text FROM receipt")
        return list(cursor.fetchall())


def test_a_signed_receipt_is_stored_for_the_owner_of_the_account(account: Account) -> None:
    said = event()
    answer = post(account, said)
    assert (answer.status_code, orjson.loads(answer.content)) == (200, {"stored": 1})
    ((*row, raw),) = stored()
    assert row == [said["id"], account.merchant_id, 0, account.id, "delivered", "v-1"]
    assert orjson.loads(raw) == said


def test_a_vendor_that_repeats_itself_gets_the_same_answer_and_is_heard_once(account: Account) -> None:
    said = event()
    assert [post(account, said).status_code for _ in range(3)] == [200] * 3
    assert len(stored()) == 1


def test_a_wrong_signature_stores_nothing_and_is_counted_without_a_word_of_it(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    answer = post(account, event(reason="a private word"), key=bytes(32))
    assert (answer.status_code, orjson.loads(answer.content)["code"]) == (401, "wrong_signature")
    assert stored() == []
    refused = [r.getMessage() for r in caplog.records if r.name == "techrar.receipts.services"]
    assert refused == [f"a receipt for account {account.id} (sandbox) was refused: wrong_signature"]
    assert "private" not in caplog.text
    assert account.token not in caplog.text


def test_an_old_signature_stores_nothing(account: Account) -> None:
    answer = post(account, event(), at=datetime.now(UTC) - timedelta(hours=1))
    assert (answer.status_code, stored()) == (401, [])


def test_an_unknown_address_is_not_there(account: Account) -> None:
    for path in (f"/hooks/{account.provider}/nobody", f"/hooks/other/{account.token}"):
        answer = make_client().post(path, b"{}", content_type="application/json")
        assert (answer.status_code, orjson.loads(answer.content)["code"]) == (404, "not_found")


def test_it_can_only_be_posted_to(account: Account) -> None:
    assert make_client().get(f"/hooks/{account.provider}/{account.token}").status_code == 405


def test_a_word_we_have_no_word_for_is_kept(account: Account) -> None:
    assert post(account, event(type="teleported")).status_code == 200
    assert stored()[0][4] == "unknown"


def test_characters_that_a_database_cannot_hold_are_left_out(account: Account) -> None:
    """Else the vendor would be told to try again, for ever."""
    said = event(id="x\0y", vendor_id="v\0", reason="\0", more={"agent": ["a\0b", r"c\u0000d"]})
    assert post(account, said).status_code == 200
    ((event_id, *_, vendor_id, raw),) = stored()
    assert (event_id, vendor_id) == ("xy", "v")
    assert orjson.loads(raw)["more"] == {"agent": ["ab", r"c\u0000d"]}
