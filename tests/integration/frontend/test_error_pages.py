"""What somebody sees when a page cannot be shown."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

pytestmark = pytest.mark.django_db


@pytest.fixture
def broken(settings: Any) -> Client:
    """A site whose pages fail in each way a page can."""

    def bug(request: HttpRequest) -> HttpResponse:
        raise ValueError("somebody@example.com")

    def denied(request: HttpRequest) -> HttpResponse:
        raise PermissionDenied

    urls = ModuleType("broken_urls")
    urls.urlpatterns = [path("bug", bug), path("hooks/bug", bug), path("denied", denied)]  # type: ignore[attr-defined]
    for name, page in ((400, "bad_request"), (403, "forbidden"), (404, "not_found"), (500, "server_error")):
        setattr(urls, f"handler{name}", f"techrar.core.pages.{page}")
    settings.ROOT_URLCONF = urls
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(("address", "status"), [("/bug", 500), ("/denied", 403), ("/nowhere", 404)])
def test_the_page_names_the_request_and_tells_nothing_else(broken: Client, address: str, status: int) -> None:
    answer = broken.get(address)
    shown = answer.content.decode()
    assert answer.status_code == status
    assert answer["X-Request-Id"] in shown
    assert "somebody" not in shown
    assert "Traceback" not in shown


def test_programs_get_a_problem_instead(broken: Client) -> None:
    assert broken.get("/hooks/bug").json()["code"] == "internal_error"
    assert broken.get("/hooks/nothing").json()["code"] == "not_found"


@pytest.mark.parametrize(("address", "kind"), [("/", "text/html"), ("/v1/me", "application/problem+json")])
def test_a_host_that_is_not_ours_is_refused(anonymous: Client, address: str, kind: str) -> None:
    answer = anonymous.get(address, headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith(kind)


def test_a_form_from_elsewhere_gets_our_own_page() -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in", {})
    assert answer.status_code == 403
    assert "load the page again" in answer.content.decode()
