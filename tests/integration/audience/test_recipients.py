"""Recipients are written one by one and in bulk, keep what is not said, and are found by a send that names them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from techrar.audience import services
from techrar.audience.models import Recipient
from techrar.core.mode import Mode
from techrar.notifications.lookups import Lookups
from tests.factories import Person
from tests.fixtures_people import assert_hidden_from
from tests.integration.notifications.sending import CONTENT, wrong_fields

ANN = {
    "email": "Ann@Example.COM",
    "phone": "+1 202 555 0123",
    "name": "Ann",
    "locale": "pt_br",
    "timezone": "Europe/Lisbon",
    "country": "pt",
    "attributes": {"plan": "gold"},
    "last_login_at": "2026-03-01T10:00:00+01:00",
}
STORED = {
    **ANN,
    "external_id": "cust_42",
    "email": "Ann@example.com",
    "phone": "+12025550123",
    "locale": "pt-BR",
    "country": "PT",
    "last_login_at": "2026-03-01T09:00:00Z",
}


def put(person: Person, external_id: str, **fields: Any) -> Any:
    return person.put(f"/v1/recipients/{external_id}", fields)


def test_a_recipient_is_created_in_one_spelling_and_hidden_from_strangers(alice: Person, charlie: Person) -> None:
    answer = put(alice, "cust_42", **ANN)
    assert answer.status_code == 201, answer.content
    stored = alice.get("/v1/recipients/cust_42").json()
    assert stored == answer.json()
    assert stored == STORED | {"created_at": stored["created_at"]}
    assert_hidden_from(charlie, "GET", "/v1/recipients/cust_42")
    assert_hidden_from(alice.live(), "GET", "/v1/recipients/cust_42")


def test_two_merchants_may_know_somebody_by_the_same_id(alice: Person, charlie: Person) -> None:
    put(alice, "cust_42", **ANN)
    assert put(charlie, "cust_42", name="Another").status_code == 201
    assert alice.get("/v1/recipients/cust_42").json()["name"] == "Ann"
    assert charlie.get("/v1/recipients/cust_42").json()["email"] is None


def test_an_update_keeps_what_it_does_not_say_and_empties_what_is_null(alice: Person) -> None:
    put(alice, "cust_42", **ANN)
    answer = put(alice, "cust_42", phone=None, attributes={"city": "Faro"})
    assert answer.status_code == 200
    changed = answer.json()
    assert (changed["phone"], changed["email"]) == (None, "Ann@example.com")
    assert changed["attributes"] == {"plan": "gold", "city": "Faro"}


def test_every_wrong_field_is_named(alice: Person) -> None:
    answer = put(alice, "x", email="nobody", phone="12", locale="??", timezone="Mars/Base", country="DEU")
    assert [field for field, _ in wrong_fields(answer)] == ["email", "phone", "locale", "timezone", "country"]
    assert wrong_fields(put(alice, "x", emial="a@example.com")) == [("emial", "unknown_field")]
    assert not Recipient.objects.exists()


def test_a_bulk_writes_the_good_ones_and_names_the_bad_ones(alice: Person) -> None:
    put(alice, "b", name="Before")
    items = [
        {"external_id": "a", "email": "a@example.com"},
        {"external_id": "b", "email": "b@example.com", "attributes": {"n": 1}},
        {"external_id": "c", "email": "broken"},
        {"external_id": "a", "name": "Twice"},
        {"email": "nobody@example.com"},
    ]
    answer = alice.post("/v1/recipients/bulk", {"recipients": items}).json()
    assert (answer["created"], answer["updated"], answer["failed"]) == (1, 2, 2)
    assert [i["status"] for i in answer["items"]] == ["created", "updated", None, "updated", None]
    assert answer["items"][2]["error"]["errors"][0]["field"] == "recipients.2.email"
    assert answer["items"][4]["error"]["errors"][0]["field"] == "recipients.4.external_id"
    stored = {r.external_id: (r.email, r.name, r.attributes) for r in Recipient.objects.all()}
    assert stored == {"a": ("a@example.com", "Twice", {}), "b": ("b@example.com", "Before", {"n": 1})}


def test_a_thousand_alike_are_one_statement(alice: Person) -> None:
    people = [(f"cust_{n}", {"email": f"a{n}@example.com"}) for n in range(1000)]
    with CaptureQueriesContext(connection) as queries:
        made = services.upsert(merchant_id=alice.merchant_id, mode=Mode.TEST, recipients=people)
    assert len(made) == 1000
    assert len(queries) <= 1  # our own cursor is not even seen by Django
    assert services.upsert(merchant_id=alice.merchant_id, mode=Mode.TEST, recipients=people) == set()


def test_a_list_goes_by_external_id(alice: Person, charlie: Person) -> None:
    for name in ("b", "a", "c"):
        put(alice, name)
    first = alice.get("/v1/recipients?limit=2").json()
    assert [e["external_id"] for e in first["entries"]] == ["a", "b"]
    rest = alice.get(f"/v1/recipients?limit=2&after={first['page_info']['after']}").json()
    assert ([e["external_id"] for e in rest["entries"]], rest["page_info"]["has_more"]) == (["c"], False)
    assert charlie.get("/v1/recipients").json()["entries"] == []


def test_writing_needs_the_scope(bob: Person) -> None:
    assert put(bob, "cust_1", name="Ann").status_code == 403


def test_a_send_finds_the_stored_address_and_facts(alice: Person) -> None:
    put(alice, "cust_42", **ANN)
    sent = alice.post("/v1/notifications", {"to": {"recipient": "cust_42"}, "content": CONTENT, "data": {"number": 7}})
    assert sent.status_code == 202, sent.content
    content = alice.get(f"/v1/notifications/{sent.json()['id']}/content").json()["content"]
    assert content["email"]["text"] == "Hello Ann, it left."
    with connection.cursor() as cursor:
        cursor.execute("SELECT d.address, d.recipient_id, n.recipient_id FROM delivery d, notification n")
        recipient = Recipient.objects.get().id
        assert cursor.fetchall() == [("Ann@example.com", recipient, recipient)]


def test_what_the_send_says_goes_before_what_is_stored(alice: Person) -> None:
    put(alice, "cust_42", **ANN)
    to = {"recipient": "cust_42", "name": "Dr Ann"}
    sent = alice.post("/v1/notifications", {"to": to, "content": CONTENT, "data": {"number": 7}}).json()
    content = alice.get(f"/v1/notifications/{sent['id']}/content").json()["content"]
    assert content["email"]["text"] == "Hello Dr Ann, it left."


@pytest.mark.parametrize("known", [True, False])
def test_a_send_to_somebody_without_the_address_says_what_is_missing(alice: Person, known: bool) -> None:
    if known:
        put(alice, "cust_42", phone="+12025550123")
    answer = alice.post("/v1/notifications", {"to": {"recipient": "cust_42", "name": "A"}, "content": CONTENT})
    assert wrong_fields(answer) == [("to.email", "missing_address")]


def test_a_batch_looks_all_recipients_up_at_once(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        put(alice, name, email=f"{name}@example.com", name=name)
    asked: list[set[str]] = []
    meet = Lookups.meet

    def meet_noted(self: Lookups, external_ids: Any) -> None:
        if set(external_ids) - self._recipients.keys():
            asked.append(set(external_ids))
        meet(self, external_ids)

    monkeypatch.setattr(Lookups, "meet", meet_noted)
    messages = [{"to": {"recipient": name}} for name in ("a", "b", "nobody", "a")]
    answer = alice.post(
        "/v1/notifications/batch", {"defaults": {"content": CONTENT, "data": {"number": 1}}, "messages": messages}
    ).json()
    assert (answer["accepted"], answer["failed"]) == (3, 1)
    assert asked == [{"a", "b", "nobody"}]
