"""Whatever is asked of the API, its answer is one that the OpenAPI document declares, and never a bug."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from techrar.merchants import middleware
from techrar.wsgi import application
from tests.factories import Person

pytestmark = [pytest.mark.fuzz, pytest.mark.django_db, pytest.mark.timeout(600)]
schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", application)
for operation in (op for path in schema.raw_schema["paths"].values() for op in path.values()):
    # Every request carries the key of its test; what happens without one has tests of its own.
    operation.pop("security", None)
# A body that is too long is refused before anybody reads what else is wrong with it.
schema.config.checks.negative_data_rejection.expected_statuses.append("413")
#: It wants every request that fits the schema to be accepted, and ours may name a template that does not exist.
NOT_MEANT = [positive_data_acceptance]
#: A batch takes bad items, too: they fail alone, inside the answer.
PER_ITEM = {"POST /v1/notifications/batch", "POST /v1/recipients/bulk"}
SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fuzzer asks without a key more often than anybody may, and its requests share the test's transaction."""
    monkeypatch.setattr(middleware, "ANONYMOUS_UNITS", 10**9)
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@schema.parametrize()
@settings(max_examples=100, deadline=None, suppress_health_check=SUPPRESSED)
def test_every_answer_is_a_declared_one(case: Any, alice: Person) -> None:
    response = case.call(headers={"Authorization": f"Bearer {alice.key}"})
    assert response.status_code < 500, response.text
    excluded = [*NOT_MEANT, *([negative_data_rejection] if case.operation.label in PER_ITEM else [])]
    case.validate_response(response, excluded_checks=excluded)
