"""Whatever is asked of the API, its answer is one that the OpenAPI document declares, and never a bug."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from techrar.merchants import middleware
from techrar.wsgi import application
from tests.factories import Person

pytestmark = [pytest.mark.fuzz, pytest.mark.django_db, pytest.mark.timeout(600)]
schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", application)
SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fuzzer asks without a key more often than anybody may."""
    monkeypatch.setattr(middleware, "ANONYMOUS_UNITS", 10**9)


@schema.parametrize()
@settings(max_examples=100, deadline=None, suppress_health_check=SUPPRESSED)
def test_every_answer_is_a_declared_one(case: Any, alice: Person) -> None:
    response = case.call(headers={"Authorization": f"Bearer {alice.key}"})
    assert response.status_code < 500, response.text
    case.validate_response(response)
