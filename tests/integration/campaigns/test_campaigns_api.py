"""A merchant's program makes, launches and steers campaigns; nobody else's can see them."""

from __future__ import annotations

from typing import Any

import pytest

from techrar.ledger.states import State
from tests.factories import Person
from tests.fixtures_people import assert_hidden_from
from tests.integration.notifications.sending import wrong_fields
from tests.support.campaigns import House
from tests.support.ledger import Ledger

PATH = "/v1/campaigns"
SPRING = {"name": "Spring", "channel": "email", "variants": [{"template": "spring"}], "data": {"offer": "Flowers"}}
CALLS = [("GET", ""), ("PUT", ""), ("POST", "/launch"), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/cancel"),
         ("GET", "/progress"), ("GET", "/reconciliation"), ("DELETE", "")]  # fmt: skip


@pytest.fixture
def alices(house: House, alice: Person) -> House:
    """Alice's merchant, with four recipients and a template."""
    house.merchant = alice.merchant
    house.fill(4, gap=4)
    house.template()
    return house


def create(person: Person, **fields: Any) -> dict[str, Any]:
    answer = person.post(PATH, {**SPRING, **fields})
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def test_a_draft_is_made_edited_listed_and_deleted(alices: House, alice: Person, charlie: Person) -> None:
    made = create(alice, segment={"rule": "country", "one_of": ["DE"]})
    path = f"{PATH}/{made['id']}"
    assert (made["status"], made["run"]) == ("draft", None)
    assert made["audience"] == "Recipients whose country is DE."
    assert made["variants"] == [{"name": "A", "template": "spring", "template_version": None, "weight": 1}]
    assert alice.get(path).json() == made
    edited = alice.put(path, {**SPRING, "name": "Summer"}).json()
    assert (edited["name"], edited["segment"], edited["audience"]) == ("Summer", None, "All recipients.")
    assert [e["name"] for e in alice.get(PATH).json()["entries"]] == ["Summer"]
    for method, call in CALLS:
        assert_hidden_from(charlie, method, path + call, SPRING if method == "PUT" else None)
        assert_hidden_from(alice.live(), method, path + call, SPRING if method == "PUT" else None)
    assert charlie.get(PATH).json()["entries"] == []
    assert alice.delete(path).status_code == 204
    assert_hidden_from(alice, "GET", path)


def test_a_launch_is_followed_to_its_end(alices: House, alice: Person, ledger: Ledger) -> None:
    path = f"{PATH}/{create(alice)['id']}"
    launched = alice.post(f"{path}/launch", Idempotency_Key="once")
    assert launched.status_code == 202, launched.content
    assert alice.post(f"{path}/launch", Idempotency_Key="once").json() == launched.json()
    run = launched.json()["run"]
    assert (launched.json()["status"], run["category"], run["priority"]) == ("running", "marketing", "low")
    assert run["variants"][0]["template_version"] == 1
    assert alice.get(f"{path}/progress").json()["expanded"] == 0
    alices.expand()
    flow = ledger.one("SELECT id FROM flow WHERE run_id = %s", (run["id"],))
    ledger.settle(ledger.take(flow), State.SENT)
    alices.look()
    assert alice.get(f"{path}/progress").json() == {
        "status": "completed",
        "trouble": "",
        "planned": 4,
        "expanded": 1.0,
        "states": {"sent": 3, "skipped": 1},
        "skipped": {"unreachable": 1},
        "variants": [{"name": "A", "states": {"sent": 3, "skipped": 1}}],
    }
    assert alice.get(f"{path}/reconciliation").json() == {
        "balanced": True,
        "expanded": True,
        "planned": 4,
        "counted": {"sent": 3, "skipped": 1},
        "recounted": {"sent": 3, "skipped": 1},
        "skipped": {"unreachable": 1},
        "sentence": "4 planned = 3 sent + 1 skipped.",
    }
    assert alice.post(f"{path}/cancel").status_code == 409


def test_a_row_that_is_missing_is_found_by_the_reconciliation(alices: House, alice: Person, ledger: Ledger) -> None:
    path = f"{PATH}/{create(alice)['id']}"
    alice.post(f"{path}/launch")
    alices.expand()
    ledger.connection.execute("DELETE FROM delivery WHERE id = (SELECT max(id::text)::uuid FROM delivery)")
    found = alice.get(f"{path}/reconciliation").json()
    assert (found["balanced"], found["sentence"]) == (False, "It does not balance: 4 planned, 4 counted, 3 rows.")


def test_pause_resume_and_cancel_act_on_the_flow_and_say_what_had_gone(
    alices: House, alice: Person, ledger: Ledger
) -> None:
    path = f"{PATH}/{create(alice, throttle=50)['id']}"
    assert alice.post(f"{path}/pause").status_code == 409
    alice.post(f"{path}/launch")
    alices.expand()
    [flow] = ledger.all("SELECT * FROM flow")
    assert (flow.state, flow.throttle) == (1, 50)
    ledger.settle(ledger.take(flow.id, limit=1))
    states = {}
    for call in ("pause", "resume", "cancel"):
        answer = alice.post(f"{path}/{call}").json()
        states[call] = (answer["status"], ledger.one("SELECT state FROM flow"), answer["states"]["sent"])
    assert states == {"pause": ("paused", 2, 1), "resume": ("running", 1, 1), "cancel": ("cancelled", 3, 1)}
    assert alice.post(f"{path}/resume").status_code == 409
    assert alice.put(path, SPRING).status_code == 409
    assert alice.delete(path).status_code == 409


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"segment": {"rule": "star_sign"}}, ("segment.rule", "not_allowed")),
        ({"channel": "pigeon"}, ("channel", "unknown_channel")),
        ({"variants": []}, ("variants", "too_short")),
        ({"variants": [{"template": "spring", "weight": -1}]}, ("variants.0.weight", "out_of_range")),
        ({"nmae": "x"}, ("nmae", "unknown_field")),
    ],
)
def test_what_is_wrong_with_a_draft_is_named(alices: House, alice: Person, fields: Any, wrong: Any) -> None:
    assert wrong in wrong_fields(alice.post(PATH, {**SPRING, **fields}))


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"variants": [{"template": "autumn"}]}, ("variants.0.template", "unknown_template")),
        ({"channel": "sms"}, ("variants.0.template", "no_content")),
        ({"variants": [{"template": "spring", "weight": 0}]}, ("variants", "invalid")),
        ({"category": "gossip"}, ("category", "unknown_category")),
        ({"from": "nobody"}, ("from", "unknown_sender")),
    ],
)
def test_what_stands_in_the_way_of_a_launch_is_named(
    alices: House, alice: Person, ledger: Ledger, fields: Any, wrong: Any
) -> None:
    path = f"{PATH}/{create(alice, **fields)['id']}"
    assert wrong_fields(alice.post(f"{path}/launch")) == [wrong]
    assert (alice.get(path).json()["status"], ledger.count("chunk"), ledger.count("flow")) == ("draft", 0, 0)
    assert alice.get(f"{path}/progress").status_code == 409


def test_templates_of_two_categories_need_one_to_be_named(alices: House, alice: Person) -> None:
    alices.template("receipt", category="transactional")
    both = [{"template": "spring"}, {"template": "receipt"}]
    path = f"{PATH}/{create(alice, variants=both)['id']}"
    assert wrong_fields(alice.post(f"{path}/launch")) == [("category", "required")]
    path = f"{PATH}/{create(alice, variants=both, category='marketing')['id']}"
    assert alice.post(f"{path}/launch").json()["run"]["category"] == "marketing"


def test_launching_needs_the_scope(alices: House, alice: Person, bob: Person) -> None:
    path = f"{PATH}/{create(alice)['id']}"
    assert bob.get(path).status_code == 200
    assert [bob.post(f"{path}/launch").status_code, bob.post(PATH, SPRING).status_code] == [403, 403]


def test_a_campaign_is_never_critical(alices: House, alice: Person, ledger: Ledger) -> None:
    path = f"{PATH}/{create(alice, category='security')['id']}"
    assert alice.post(f"{path}/launch").json()["run"]["priority"] == "high"
