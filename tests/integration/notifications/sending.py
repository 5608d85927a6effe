"""What the tests of sending share: a message, a way to send it, and a hand that moves deliveries as consumers would."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from techrar.core.rows import rows
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.states import State
from tests.factories import Person

TO = {"email": "ann@example.com", "phone": "+12025550123", "name": "Ann"}
CONTENT = {"email": {"subject": "Order {{ number }}", "text": "Hello {{ recipient.name }}, it left."}}
BOTH = {**CONTENT, "sms": {"text": "Order {{ number }} left."}}

#: the way of a delivery from acceptance to an outcome
TO_SENDING = (State.QUEUED, State.SENDING)


def message(**fields: Any) -> dict[str, Any]:
    return {"to": TO, "content": CONTENT, "data": {"number": 42}, **fields}


def send(person: Person, **fields: Any) -> dict[str, Any]:
    answer = person.post("/v1/notifications", message(**fields))
    assert answer.status_code == 202, answer.content
    made: dict[str, Any] = answer.json()
    return made


def wrong_fields(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def move(delivery: str, *states: State, **fields: Any) -> None:
    """Through these states, one after the other; the last move has the fields."""
    for state in states[:-1]:
        _apply(Move(UUID(delivery), state))
    _apply(Move(UUID(delivery), states[-1], **{"kind": states[-1].word, **fields}))


def _apply(step: Move) -> None:
    """As the one who holds the row, where somebody must."""
    (row,) = rows("SELECT state FROM delivery WHERE id = %(id)s", {"id": step.id})
    if row.state == State.SENDING:
        step.fence = uuid4()
        rows("UPDATE delivery SET held_by = %(by)s WHERE id = %(id)s RETURNING id", {"id": step.id, "by": step.fence})
    (moved,) = rows(APPLY, parameters([step], shard=0))
    assert moved.legal, step


def count(table: str, person: Person) -> int:
    """How many rows of it are this person's merchant's."""
    owned = f"SELECT count(*) AS n FROM {table} WHERE merchant_id = %(merchant)s"
    return int(rows(owned, {"merchant": person.merchant_id})[0].n)
