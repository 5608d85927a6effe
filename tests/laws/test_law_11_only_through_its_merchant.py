"""Law 11: another merchant's object is a 404, whatever is asked of it, and test mode never reaches a real vendor."""

from __future__ import annotations

from typing import Any

import pytest

from techrar.api import api
from techrar.core.mode import Mode
from techrar.notifications import selectors
from techrar.routing.selectors import accounts
from tests.factories import Person

pytestmark = pytest.mark.django_db
CONTENT = {"email": {"subject": "Hello", "text": "It works."}}
CAMPAIGN = {"name": "Spring", "channel": "email", "variants": [{"template": "welcome"}]}
BODIES: dict[str, Any] = {
    "rotate_api_key": {},
    "create_template_version": {"content": CONTENT},
    "publish_template": {"version": 1},
    "preview_template": {"data": {}},
    "edit_campaign": CAMPAIGN,
}
#: Their path is a name that the caller chooses: who writes to it writes something of their own.
OWN_NAMES = {"put_recipient"}


def operations() -> list[tuple[str, str, str]]:
    """Every call of the API that names an object: method, path, operation id."""
    paths = api.get_openapi_schema()["paths"]
    return [
        (method.upper(), path, operation["operationId"])
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "{" in path and operation["operationId"] not in OWN_NAMES
    ]


def objects_of(person: Person) -> dict[str, str]:
    """One object of each kind, by the name of its parameter in a path."""
    sent = person.post("/v1/notifications", {"to": {"email": "ann@example.com"}, "content": CONTENT}).json()
    person.post("/v1/templates", {"key": "welcome", "content": CONTENT})
    key = person.post("/v1/api-keys", {"name": "another", "scopes": ["read"]}).json()
    person.put("/v1/recipients/cust_42", {"name": "Ann"})
    address = {"channel": "email", "address": "bob@example.com"}
    return {
        "notification_id": sent["id"],
        "key": "welcome",
        "key_id": key["id"],
        "number": "1",
        "external_id": "cust_42",
        "suppression_id": person.post("/v1/suppressions", address).json()["id"],
        "provider_id": person.get("/v1/providers").json()["entries"][0]["id"],
        "campaign_id": person.post("/v1/campaigns", CAMPAIGN).json()["id"],
    }


def leaks(stranger: Person, objects: dict[str, str]) -> list[str]:
    """What a stranger was answered anything else than 404 to."""
    found = []
    for method, path, operation in operations():
        answer = stranger.call(method, path.format(**objects), BODIES.get(operation, None if method == "GET" else {}))
        if answer.status_code != 404:
            found.append(f"{method} {path}: {answer.status_code}")
    return found


def test_a_stranger_finds_nothing(alice: Person, charlie: Person) -> None:
    objects = objects_of(alice)
    assert len(operations()) >= 10
    assert leaks(charlie, objects) == []


def test_the_other_mode_of_the_same_merchant_finds_nothing(alice: Person) -> None:
    objects = objects_of(alice)
    alice.mode = Mode.LIVE
    assert leaks(alice, objects) == []


def test_the_check_notices_a_query_that_forgets_the_merchant(
    alice: Person, charlie: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = objects_of(alice)
    careful = selectors.find
    monkeypatch.setattr(
        selectors, "find", lambda text, **owner: careful(text, merchant_id=alice.merchant.id, mode=Mode.TEST)
    )
    assert "GET /v1/notifications/{notification_id}: 200" in leaks(charlie, objects)


def test_test_mode_has_no_way_to_a_real_vendor(alice: Person) -> None:
    found = accounts(merchant_id=alice.merchant.id, mode=Mode.TEST)
    assert found
    assert all(account.adapter and account.adapter.capabilities.sandbox for account in found)
