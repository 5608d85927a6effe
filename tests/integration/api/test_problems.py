"""Every failure is a problem that says what is wrong, where, and what to do."""

from __future__ import annotations

import logging
from types import ModuleType
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from ninja import Router
from ninja.errors import HttpError
from psycopg_pool import PoolTimeout
from pydantic import TypeAdapter

from techrar.api_contract import Api
from techrar.core.errors import AlreadySent, RateLimited
from tests.factories import Person

MEMBERS = {"type", "title", "status", "code", "detail", "request_id", "errors"}
FAILURES: dict[str, Exception] = {
    "bug": ValueError("somebody@example.com is not a number"),
    "sent": AlreadySent("The message left at noon."),
    "busy": RateLimited("Slow down.", retry_after=7),
    "gone": Http404("no such thing"),
    "odd": HttpError(418, "I am a teapot"),
    "down": OperationalError("connection refused\nIs the server running?"),
    "closed": InterfaceError("connection already closed"),
    "full": PoolTimeout("couldn't get a connection after 2.00 sec"),
}


def problem(answer: HttpResponse, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert set(told) == MEMBERS
    assert (told["status"], told["code"], told["type"]) == (status, code, f"urn:techrar:problem:{code}")
    assert told["request_id"] == answer["X-Request-Id"]
    return told


@pytest.fixture
def failing(settings: Any) -> Client:
    """An API of its own whose calls fail in each way a call can."""
    router = Router()

    @router.get("/fail/{how}")
    def fail(request: HttpRequest, how: str) -> None:
        raise FAILURES[how]

    @router.get("/document")
    def document(request: HttpRequest) -> None:
        TypeAdapter(dict[str, int]).validate_python({"port": "many"})

    api = Api(title="failing", urls_namespace="failing")
    api.add_router("", router)
    urls = ModuleType("failing_urls")
    urls.urlpatterns = [path("v1/", api.urls)]  # type: ignore[attr-defined]
    urls.handler404 = "techrar.core.pages.not_found"  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = urls
    return Client(REMOTE_ADDR="10.9.9.9", raise_request_exception=False)


def test_a_bug_is_a_problem_with_a_request_id_and_a_stack_in_the_log(
    failing: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answer = failing.get("/v1/fail/bug", headers={"X-Request-Id": "find-me-again"})
    told = problem(answer, 500, "internal_error")
    assert "find-me-again" in told["detail"]
    assert "somebody" not in answer.content.decode()
    logged = next(r for r in caplog.records if r.name == "techrar.api_contract")
    assert "find-me-again" in logged.getMessage()
    assert logged.exc_info is not None


@pytest.mark.parametrize("how", ["down", "closed", "full"])
def test_a_database_that_is_away_is_a_503_to_try_again(
    failing: Client, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = failing.get(f"/v1/fail/{how}")
    assert "Send the request again" in problem(answer, 503, "unavailable")["detail"]
    assert int(answer["Retry-After"]) >= 1
    assert next(r for r in caplog.records if r.name == "techrar.api_contract").levelno == logging.ERROR


def test_a_domain_failure_keeps_its_code_and_sentence(failing: Client) -> None:
    assert problem(failing.get("/v1/fail/sent"), 409, "already_sent")["detail"] == "The message left at noon."


def test_a_failure_that_knows_when_to_come_back_says_so(failing: Client) -> None:
    answer = failing.get("/v1/fail/busy")
    problem(answer, 429, "rate_limited")
    assert answer["Retry-After"] == "7"


def test_the_frameworks_own_failures_are_problems_too(failing: Client) -> None:
    problem(failing.get("/v1/fail/gone"), 404, "not_found")
    assert failing.get("/v1/fail/odd").json()["status"] == 418
    found = problem(failing.get("/v1/document"), 422, "validation_error")
    assert found["errors"][0]["field"] == "port"


def test_an_address_that_leads_nowhere_is_a_problem(alice: Person) -> None:
    assert "/v1/docs" in problem(alice.get("/v1/nothing"), 404, "not_found")["detail"]
    problem(alice.get("/v1"), 404, "not_found")
    problem(alice.get("/v1/"), 404, "not_found")


def test_a_method_that_is_not_taken_names_those_that_are(alice: Person) -> None:
    answer = alice.delete("/v1/me")
    assert "GET" in problem(answer, 405, "method_not_allowed")["detail"]
    assert answer["Allow"] == "GET"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"name": tru}', "line 1, column 10"),
        (b'{"name":\n "x",}', "line 2"),
        (b"[NaN]", "column 2"),
        (b'{"name": "\xff"}', "column"),
        (b'{"name": "\\ud800"}', "column"),
        (b"[" * 2000, "column"),
    ],
)
def test_what_is_not_json_is_named_with_its_place(alice: Person, body: bytes, where: str) -> None:
    assert where in problem(alice.post("/v1/api-keys", body), 400, "malformed_json")["detail"]


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        (b"", "body", "required"),
        ([], "body", "wrong_type"),
        ("text", "body", "wrong_type"),
        (None, "body", "required"),
        ({"name": "x"}, "scopes", "required"),
        ({"name": "x", "scopes": ["send", "fly"]}, "scopes.1", "not_allowed"),
        ({"name": "x", "scopes": ["send"], "scops": []}, "scops", "unknown_field"),
        ({"name": "x", "scopes": ["send"], "expires_at": "2099-01-01T00:00:00"}, "expires_at", "timezone_aware"),
        ({"name": "x\x00y", "scopes": ["send"]}, "name", "nul_character"),
        ({"name": "x", "scopes": ["\x00"]}, "scopes.0", "nul_character"),
        ({"na\x00me": "x"}, "body", "nul_character"),
    ],
)
def test_a_wrong_field_is_named(alice: Person, body: Any, field: str, code: str) -> None:
    found = problem(alice.post("/v1/api-keys", body), 422, "validation_error")
    assert (field, code) in {(error["field"], error["code"]) for error in found["errors"]}
    assert all(error["message"] for error in found["errors"])
    assert found["detail"]


def test_text_that_only_looks_like_a_nul_character_is_let_through(alice: Person) -> None:
    answer = alice.post("/v1/api-keys", b'{"name": "a \\\\u0000 b", "scopes": ["read"]}')
    assert (answer.status_code, answer.json().get("name")) == (201, "a \\u0000 b")


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("limit=0", "limit", "out_of_range"),
        ("limit=many", "limit", "wrong_type"),
        ("limti=5", "limti", "unknown_parameter"),
        ("after=%00", "query", "nul_character"),
    ],
)
def test_a_wrong_parameter_is_named(alice: Person, query: str, field: str, code: str) -> None:
    found = problem(alice.get(f"/v1/api-keys?{query}"), 422, "validation_error")
    assert [(error["field"], error["code"]) for error in found["errors"]] == [(field, code)]


def test_a_call_without_parameters_takes_none(alice: Person) -> None:
    assert problem(alice.get("/v1/me?verbose=1"), 422, "validation_error")["errors"][0]["field"] == "verbose"


def test_a_nul_character_in_an_address_finds_nothing(alice: Person) -> None:
    problem(alice.get("/v1/api-keys/%00"), 404, "not_found")


@pytest.mark.parametrize("given", ["short", "with a space", "x" * 65])
def test_a_request_id_of_the_callers_own_is_kept_only_when_it_is_well_formed(alice: Person, given: str) -> None:
    assert alice.get("/v1/me", X_Request_Id=given)["X-Request-Id"] != given
    assert alice.get("/v1/me", X_Request_Id="order-4711.a")["X-Request-Id"] == "order-4711.a"


def test_outside_the_api_a_missing_page_is_a_page(anonymous: Client, db: None) -> None:
    answer = anonymous.get("/nothing-here")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")
    assert answer["X-Request-Id"] in answer.content.decode()
