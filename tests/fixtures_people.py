"""Who is in every test? Alice owns merchant A, Bob may only look at it, Charlie belongs to merchant B.

Charlie is the stranger: whatever belongs to A does not exist for him. Each test of an object's endpoint ends with
`assert_hidden_from(charlie, "GET", path)`.
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.test import Client

from techrar.merchants.models import Role
from tests.factories import Person, make_client, make_merchant, make_person


@pytest.fixture
def alice(db: None) -> Person:
    return make_person(make_merchant(name="Merchant A"), Role.OWNER, ["admin"], name="Alice")


@pytest.fixture
def bob(alice: Person) -> Person:
    return make_person(alice.merchant, Role.VIEWER, ["read"], name="Bob")


@pytest.fixture
def charlie(db: None) -> Person:
    return make_person(make_merchant(name="Merchant B"), Role.OWNER, ["admin"], name="Charlie")


@pytest.fixture
def anonymous() -> Client:
    """Nobody we know."""
    return make_client()


def assert_hidden_from(stranger: Person, method: str, path: str, body: Any = None) -> None:
    """Another merchant's object is a 404, word for word as if it did not exist."""
    answer = stranger.call(method, path, body)
    assert answer.status_code == 404, answer.content
    assert orjson.loads(answer.content)["code"] == "not_found"
