"""Whatever is asked of the API, its answer is one that the OpenAPI document declares, and never a bug."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from techrar.wsgi import application
from tests.factories import Person

pytestmark = [pytest.mark.fuzz, pytest.mark.django_db, pytest.mark.timeout(600)]
schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", application)
SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=SUPPRESSED)
def test_every_answer_is_a_declared_one(case: Any, alice: Person) -> None:
    response = case.call(headers={"Authorization": f"Bearer {alice.key}"})
    assert response.status_code < 500, response.text
    case.validate_response(response)
