"""What became of a notification: status, timeline, content, lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from techrar.core.rows import rows
from techrar.ledger.states import State
from techrar.notifications import selectors
from tests.factories import Person
from tests.fixtures_people import assert_hidden_from
from tests.integration.notifications.sending import BOTH, TO, TO_SENDING, move, send, wrong_fields


def shown(person: Person, identifier: str) -> dict[str, Any]:
    answer = person.get(f"/v1/notifications/{identifier}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def listed(person: Person, query: str = "") -> list[str]:
    answer = person.get(f"/v1/notifications?{query}")
    assert answer.status_code == 200, answer.content
    return [entry["id"] for entry in answer.json()["entries"]]


def deliveries(made: dict[str, Any]) -> list[str]:
    return [delivery["id"] for delivery in made["deliveries"]]


def test_a_notification_is_found_by_its_id_and_by_a_deliverys(alice: Person, charlie: Person) -> None:
    made = send(alice, content=BOTH)
    whole = shown(alice, made["id"])
    assert whole["created_at"] <= datetime.now(UTC).isoformat()
    assert [d["reason"] for d in whole["deliveries"]] == ["", ""]
    for identifier in [made["id"], *deliveries(made), made["id"].upper(), made["id"].replace("-", "")]:
        assert shown(alice, identifier) == whole
        for path in ("", "/timeline", "/content"):
            assert_hidden_from(charlie, "GET", f"/v1/notifications/{identifier}{path}")


@pytest.mark.parametrize("identifier", ["x", "0", "9" * 5000, str(UUID(int=0)), str(UUID(int=2**128 - 1)), "%F0%9F"])
def test_what_is_no_id_names_nothing(alice: Person, identifier: str) -> None:
    assert_hidden_from(alice, "GET", f"/v1/notifications/{identifier}")
    assert_hidden_from(alice, "POST", f"/v1/notifications/{identifier}/resend")


def test_the_status_of_several_deliveries_is_the_least_finished_ones(alice: Person) -> None:
    made = send(alice, content=BOTH)
    email, sms = deliveries(made)
    move(email, *TO_SENDING, State.FAILED, reason="invalid_address")
    assert shown(alice, made["id"])["status"] == "accepted"
    move(sms, *TO_SENDING)
    assert shown(alice, made["id"])["status"] == "sending"
    move(sms, State.SENT)
    whole = shown(alice, made["id"])
    assert whole["status"] == "sent"
    assert [(d["status"], d["reason"]) for d in whole["deliveries"]] == [("failed", "invalid_address"), ("sent", "")]


def test_engagement_is_told_per_delivery(alice: Person) -> None:
    made = send(alice)
    (delivery,) = deliveries(made)
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    rows("UPDATE delivery SET opened_at = %(at)s WHERE id = %(id)s RETURNING id", {"at": at, "id": delivery})
    (told,) = shown(alice, made["id"])["deliveries"]
    assert (told["opened_at"], told["clicked_at"], told["read_at"]) == ("2026-01-02T03:04:05Z", None, None)


def test_the_timeline_tells_each_attempt_with_provider_latency_and_reason(alice: Person) -> None:
    made = send(alice)
    (delivery,) = deliveries(made)
    failed = orjson.dumps({"provider": "smtp", "latency_ms": 120, "reply": "451 later"}).decode()
    went = orjson.dumps({"provider": "sandbox", "latency_ms": 7}).decode()
    move(delivery, *TO_SENDING, State.SCHEDULED, kind="attempt_failed", reason="connection", attempt=1, detail=failed)
    move(delivery, State.ACCEPTED, kind="")
    move(delivery, *TO_SENDING, State.SENT, attempt=2, vendor_id="v-1", detail=went)
    move(delivery, State.DELIVERED, vendor_id="v-1")
    told = alice.get(f"/v1/notifications/{made['id']}/timeline").json()
    assert told["id"] == made["id"]
    names = ("event", "status", "attempt", "reason", "provider", "latency_ms", "vendor_id", "detail")
    assert [tuple(entry[name] for name in names) for entry in told["entries"]] == [
        ("accepted", "accepted", 0, "", None, None, "", {}),
        ("attempt_failed", "scheduled", 1, "connection", "smtp", 120, "", {"reply": "451 later"}),
        ("sent", "sent", 2, "", "sandbox", 7, "v-1", {}),
        ("delivered", "delivered", 2, "", None, None, "v-1", {}),
    ]
    times = [entry["at"] for entry in told["entries"]]
    assert times == sorted(times)
    assert {entry["delivery"] for entry in told["entries"]} == {delivery}


def test_the_timeline_tells_a_machines_opens_from_a_persons(alice: Person) -> None:
    made = send(alice)
    (delivery,) = deliveries(made)
    put = """
        INSERT INTO delivery_event (delivery_id, merchant_id, mode, state, kind, detail)
        SELECT %(id)s, %(merchant)s, 0, 7, u.kind, u.detail::jsonb
        FROM unnest(%(kinds)s::text[], %(details)s::text[]) AS u(kind, detail) RETURNING seq
    """
    details = ['{"machine": true}', '{"machine": false, "link": 2}']
    merchant = alice.merchant_id
    rows(put, {"id": delivery, "merchant": merchant, "kinds": ["opened", "clicked"], "details": details})
    told = alice.get(f"/v1/notifications/{made['id']}/timeline").json()["entries"]
    assert [(entry["event"], entry["machine"], entry["detail"]) for entry in told] == [
        ("accepted", None, {}),
        ("opened", True, {}),
        ("clicked", False, {"link": 2}),
    ]


def test_the_timeline_of_a_scheduled_one_begins_with_that(alice: Person) -> None:
    made = send(alice, content=BOTH, scheduled_at=datetime.now(UTC) + timedelta(days=1))
    entries = alice.get(f"/v1/notifications/{made['id']}/timeline").json()["entries"]
    assert [(entry["channel"], entry["event"]) for entry in entries] == [("email", "scheduled"), ("sms", "scheduled")]


def test_the_content_is_what_the_recipient_reads(alice: Person) -> None:
    made = send(
        alice,
        content={"email": {"subject": "{{ number }}", "html": "<p>{{ recipient.name }}</p>"}},
        to={**TO, "name": "<Ann>"},
    )
    told = alice.get(f"/v1/notifications/{made['id']}/content").json()
    assert told == {"id": made["id"], "content": {"email": {"subject": "42", "html": "<p>&lt;Ann&gt;</p>"}}}


def test_the_content_stays_when_the_template_moves_on(alice: Person) -> None:
    alice.post("/v1/templates", {"key": "order", "content": {"sms": {"text": "one"}}})
    made = send(alice, content=None, template="order")
    alice.post("/v1/templates/order/versions", {"content": {"sms": {"text": "two"}}, "publish": True})
    alice.delete("/v1/templates/order")
    assert alice.get(f"/v1/notifications/{made['id']}/content").json()["content"] == {"sms": {"text": "one"}}


def test_a_list_is_newest_first_and_paged_by_key(alice: Person, charlie: Person) -> None:
    ids = [send(alice)["id"] for _ in range(5)]
    seen: list[str] = []
    query = "limit=2"
    for more in (True, True, False):
        answer = alice.get(f"/v1/notifications?{query}").json()
        seen += [entry["id"] for entry in answer["entries"]]
        assert answer["page_info"]["has_more"] is more
        query = f"limit=2&after={answer['page_info']['after']}"
    assert answer["page_info"]["after"] is None
    assert seen == ids[::-1]
    assert listed(charlie) == []
    assert listed(charlie, f"after={ids[-1]}") == []


def test_a_list_is_narrowed(alice: Person) -> None:
    plain = send(alice)["id"]
    both = send(alice, content=BOTH, category="security", to={**TO, "recipient": "cust_42"})
    move(deliveries(both)[1], State.CANCELLED)
    assert listed(alice, "channel=sms") == [both["id"]]
    assert listed(alice, "channel=email") == [both["id"], plain]
    assert listed(alice, "status=cancelled") == [both["id"]]
    assert listed(alice, "status=accepted") == [both["id"], plain]
    assert listed(alice, "status=cancelled&channel=email") == []
    assert listed(alice, "category=security") == [both["id"]]
    assert listed(alice, "recipient=cust_42") == [both["id"]]
    assert listed(alice, "recipient=cust_4") == []
    assert listed(alice, "category=security&channel=sms&status=cancelled&recipient=cust_42") == [both["id"]]


def test_a_list_goes_back_30_days_unless_it_is_told_how_far(alice: Person) -> None:
    made = send(alice)["id"]
    assert listed(alice, "since=0001-01-01T00:00:00Z") == [made]
    assert listed(alice, "since=9999-01-01T00:00:00Z") == []
    assert selectors.page(
        merchant_id=alice.merchant_id,
        mode=alice.mode,
        limit=1,
        after=None,
        since=datetime.now(UTC) + timedelta(seconds=1),
    ) == ([], None)


def test_a_filtered_list_looks_at_a_bounded_part_and_goes_on_from_there(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    sms = send(alice, content={"sms": {"text": "x"}})["id"]
    emails = [send(alice)["id"] for _ in range(3)]
    monkeypatch.setattr(selectors, "WINDOW", 2)
    first = alice.get("/v1/notifications?channel=sms").json()
    assert first == {"entries": [], "page_info": {"after": emails[1], "has_more": True}}
    second = alice.get(f"/v1/notifications?channel=sms&after={first['page_info']['after']}").json()
    assert [entry["id"] for entry in second["entries"]] == [sms]
    third = alice.get(f"/v1/notifications?channel=sms&after={second['page_info']['after']}").json()
    assert third == {"entries": [], "page_info": {"after": None, "has_more": False}}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=lost", ("status", "not_allowed")),
        ("channel=fax", ("channel", "not_allowed")),
        ("category=gossip", ("category", "not_allowed")),
        ("after=yesterday", ("after", "unknown_cursor")),
        ("since=2026-01-01T00:00:00", ("since", "timezone_aware")),
        ("limit=0", ("limit", "out_of_range")),
        ("limit=201", ("limit", "out_of_range")),
        ("state=sent", ("state", "unknown_parameter")),
    ],
)
def test_a_wrong_filter_is_named(alice: Person, query: str, expected: tuple[str, str]) -> None:
    assert wrong_fields(alice.get(f"/v1/notifications?{query}")) == [expected]
