"""The OpenAPI document says all that a call can answer, and the copy in `docs/` is this one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from techrar.api import api
from techrar.api_openapi import METHODS, REFUSALS

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    out = StringIO()
    call_command("openapi", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield f"{method.upper()} {path}", methods[method]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def test_the_copy_in_docs_is_not_stale() -> None:
    out = StringIO()
    call_command("openapi", stdout=out)
    assert (ROOT / "docs/openapi.json").read_text() == out.getvalue(), "run: manage.py openapi > docs/openapi.json"


def test_every_refusal_of_every_call_is_declared(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        declared = set(operation["responses"])
        expected = {str(status) for status in REFUSALS} - (set() if "requestBody" in operation else {"400"})
        assert expected <= declared, name
        assert any(status.startswith("2") for status in declared), name


def test_refusals_are_problems(document: dict[str, Any]) -> None:
    for response in document["components"]["responses"].values():
        assert list(response["content"]) == ["application/problem+json"]
        assert {"X-Request-Id", "RateLimit-Limit"} <= set(response["headers"])


def test_every_call_says_how_to_be_let_in(document: dict[str, Any]) -> None:
    assert [name for name, operation in operations(document) if not operation.get("security")] == []


def test_every_call_has_a_short_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert all("techrar" not in name for name in names)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in set(references(document)):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found


def test_the_document_is_served_to_anybody(anonymous: Client, db: None, document: dict[str, Any]) -> None:
    served = anonymous.get("/v1/openapi.json").json()
    assert served["openapi"].startswith("3.1")
    assert served["paths"].keys() == document["paths"].keys()


def test_the_pages_of_the_document_need_no_other_site(anonymous: Client, db: None) -> None:
    page = anonymous.get("/v1/docs")
    assert page.status_code == 200
    assert "://" not in page.content.decode()
    assert "'self'" in page["Content-Security-Policy"]


def test_the_paths_of_the_first_version_keep_their_names(document: dict[str, Any]) -> None:
    assert {"/v1/me", "/v1/api-keys", "/v1/auth/token"} <= set(document["paths"])
    assert api.version == document["info"]["version"]
