"""What is accepted, with which deliveries, priority and time?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from techrar.core.ids import delivery_id
from techrar.core.rows import rows
from techrar.ledger.states import State
from techrar.routing.models import Sender
from tests.factories import Person
from tests.integration.notifications.sending import BOTH, TO, count, message, send, wrong_fields


def delivery(identifier: str) -> Any:
    return rows("SELECT * FROM delivery WHERE id = %(id)s", {"id": identifier})[0]


def stored(identifier: str) -> Any:
    return rows("SELECT * FROM notification WHERE id = %(id)s", {"id": identifier})[0]


def template(person: Person, **fields: Any) -> None:
    answer = person.post("/v1/templates", {"key": "order", "content": BOTH, **fields})
    assert answer.status_code == 201, answer.content


def test_a_message_is_accepted_with_one_delivery_per_channel(alice: Person) -> None:
    made = send(alice, content=BOTH)
    assert made["status"] == "accepted"
    assert made["scheduled_at"] is None
    ids = [str(delivery_id(UUID(made["id"]), leg)) for leg in (1, 2)]
    assert made["deliveries"] == [
        {"id": ids[0], "channel": "email", "status": "accepted"},
        {"id": ids[1], "channel": "sms", "status": "accepted"},
    ]
    row = delivery(ids[1])
    assert (row.state, row.address, row.merchant_id, row.mode) == (State.ACCEPTED, "+12025550123", alice.merchant_id, 0)
    assert row.relay_at is not None


def test_named_channels_are_the_ones_used_and_once_each(alice: Person) -> None:
    made = send(alice, content=BOTH, channels=["sms", "sms"])
    assert [d["channel"] for d in made["deliveries"]] == ["sms"]
    assert "email" not in stored(made["id"]).request["content"]


def test_the_first_channel_with_an_address_is_enough_when_asked_for(alice: Person) -> None:
    made = send(alice, content=BOTH, to={"phone": "+12025550123"}, routing={"mode": "first"})
    assert [d["channel"] for d in made["deliveries"]] == ["sms"]
    made = send(alice, content=BOTH, channels=["sms", "email"], routing={"mode": "first"})
    assert [d["channel"] for d in made["deliveries"]] == ["sms"]


def test_a_template_brings_its_channels_its_category_and_its_translation(alice: Person) -> None:
    template(alice, category="marketing", translations={"pt": {"sms": {"text": "Pedido {{ number }}"}}})
    made = send(alice, template="order", content=None, to={**TO, "locale": "pt_BR"})
    assert [d["channel"] for d in made["deliveries"]] == ["email", "sms"]
    shown = alice.get(f"/v1/notifications/{made['id']}").json()
    assert (shown["category"], shown["priority"], shown["template"]) == ("marketing", "low", "order")
    rendered = alice.get(f"/v1/notifications/{made['id']}/content").json()["content"]
    assert rendered["sms"] == {"text": "Pedido 42"}
    assert rendered["email"]["text"] == "Hello Ann, it left."


def test_an_older_version_can_be_named_while_a_draft_cannot(alice: Person) -> None:
    template(alice)
    version = {"content": {"sms": {"text": "second"}}}
    assert alice.post("/v1/templates/order/versions", version).status_code == 201
    named = message(template="order", content=None, template_version=2)
    refused = alice.post("/v1/notifications", named)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_template")
    assert alice.post("/v1/templates/order/publish", {"version": 2}).status_code == 200
    newest = send(alice, template="order", content=None)
    oldest = send(alice, template="order", content=None, template_version=1)
    assert [len(made["deliveries"]) for made in (newest, oldest)] == [1, 2]


@pytest.mark.parametrize(
    ("fields", "category", "priority"),
    [
        ({}, "transactional", "high"),
        ({"category": "security"}, "security", "critical"),
        ({"category": "marketing"}, "marketing", "low"),
        ({"category": "marketing", "priority": "medium"}, "marketing", "medium"),
        ({"priority": "critical"}, "transactional", "critical"),
    ],
)
def test_priority_is_the_categorys_unless_said_otherwise(
    alice: Person, fields: dict[str, str], category: str, priority: str
) -> None:
    shown = alice.get(f"/v1/notifications/{send(alice, **fields)['id']}").json()
    assert (shown["category"], shown["priority"]) == (category, priority)


def test_a_named_sender_is_used_and_the_default_one_otherwise(alice: Person) -> None:
    for key, is_default in (("shop", True), ("billing", False)):
        address = f"{key}@example.com"
        Sender.objects.create(
            merchant=alice.merchant, mode="test", channel="email", key=key, address=address, is_default=is_default
        )
    assert stored(send(alice)["id"]).request["sender"] == {"email": {"address": "shop@example.com"}}
    named = send(alice, **{"from": "billing"})
    assert stored(named["id"]).request["sender"] == {"email": {"address": "billing@example.com"}}


def test_a_scheduled_message_waits_for_its_time(alice: Person) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=365)
    made = send(alice, scheduled_at=at, expires_at=at + timedelta(hours=1))
    assert (made["status"], made["scheduled_at"]) == ("scheduled", at.isoformat().replace("+00:00", "Z"))
    row = delivery(made["deliveries"][0]["id"])
    assert (row.state, row.wake_at, row.due_at, row.relay_at) == (State.SCHEDULED, at, at, None)
    assert row.expires_at == at + timedelta(hours=1)


def test_a_local_time_is_read_in_the_zone_beside_it(alice: Person) -> None:
    year = datetime.now(UTC).year + 1
    made = send(alice, scheduled_at=f"{year}-07-01T09:00:00", timezone="Europe/Berlin")
    assert made["scheduled_at"] == f"{year}-07-01T07:00:00Z"
    with_offset = send(alice, scheduled_at=f"{year}-07-01T09:00:00+05:30", timezone="Europe/Berlin")
    assert with_offset["scheduled_at"] == f"{year}-07-01T03:30:00Z"


def test_a_time_in_the_past_is_now(alice: Person) -> None:
    made = send(alice, scheduled_at="2020-01-01T00:00:00Z")
    assert (made["status"], made["scheduled_at"]) == ("accepted", None)
    assert delivery(made["deliveries"][0]["id"]).state == State.ACCEPTED


def test_an_address_is_stored_in_its_one_spelling(alice: Person) -> None:
    made = send(alice, to={"email": " Ann@EXAMPLE.com ", "name": "Ann"})
    assert delivery(made["deliveries"][0]["id"]).address == "Ann@example.com"


def test_counters_move_with_the_rows(alice: Person) -> None:
    send(alice, content=BOTH)
    send(alice, scheduled_at="2099-01-01T00:00:00Z" if datetime.now(UTC).year > 2090 else None)
    (tally,) = rows("SELECT sum(n)::int AS n FROM tally WHERE merchant_id = %(m)s", {"m": alice.merchant_id})
    assert tally.n == count("delivery", alice) == 3


def test_test_and_live_are_worlds_apart(alice: Person) -> None:
    live = send(alice.live())
    assert delivery(live["deliveries"][0]["id"]).mode == 1
    for path in ("", "/timeline", "/content"):
        assert alice.get(f"/v1/notifications/{live['id']}{path}").status_code == 404
    for verb in ("cancel", "resend"):
        assert alice.post(f"/v1/notifications/{live['id']}/{verb}").status_code == 404
    assert alice.get("/v1/notifications").json()["entries"] == []
    template(alice)
    refused = alice.live().post("/v1/notifications", message(template="order", content=None))
    assert refused.json()["errors"][0]["code"] == "unknown_template"


def test_what_the_merchant_notes_comes_back(alice: Person) -> None:
    made = send(alice, metadata={"order": "42"}, to={**TO, "recipient": "cust_42"})
    shown = alice.get(f"/v1/notifications/{made['id']}").json()
    assert (shown["metadata"], shown["recipient"]) == ({"order": "42"}, "cust_42")


def test_content_without_variables_needs_no_data(alice: Person) -> None:
    assert send(alice, content={"sms": {"text": "Hello"}}, data=None)["status"] == "accepted"


def test_what_a_send_says_about_tracking_is_kept_and_nothing_else(alice: Person) -> None:
    content = {"email": {"subject": "Hello", "html": "<p>Hi</p>"}}
    said = [None, {"opens": True}, {"opens": False, "clicks": True}]
    made = [send(alice, content=content, **({} if tracking is None else {"tracking": tracking})) for tracking in said]
    kept = rows(
        "SELECT id, request FROM notification WHERE merchant_id = %(merchant)s", {"merchant": alice.merchant_id}
    )
    by_id = {str(row.id): row.request.get("tracking") for row in kept}
    assert [by_id[m["id"]] for m in made] == said
    assert wrong_fields(
        alice.post("/v1/notifications", {"to": TO, "content": content, "tracking": {"links": True}})
    ) == [("tracking.links", "unknown_field")]
