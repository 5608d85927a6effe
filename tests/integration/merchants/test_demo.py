"""`manage.py demo` makes what somebody needs to try the service, and running it again changes nothing."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from techrar.merchants.models import ApiKey, Merchant, User
from tests.factories import make_client

pytestmark = pytest.mark.django_db


def demo(*options: str) -> dict[str, Any]:
    out = StringIO()
    call_command("demo", "--json", *options, stdout=out)
    assert out.getvalue().count("\n") == 1
    return json.loads(out.getvalue())


def test_the_login_and_the_key_that_are_printed_work(settings: Any) -> None:
    shown = demo()
    client = make_client()
    assert client.get("/v1/me", headers={"Authorization": f"Bearer {shown['api_key']}"}).json()["mode"] == "test"
    signed_in = client.post("/sign-in", {"email": shown["login"], "password": shown["password"]})
    assert (signed_in.status_code, signed_in["Location"]) == (302, "/")


def test_a_second_run_changes_nothing_and_cannot_show_the_key_again() -> None:
    first = demo()
    second = demo()
    assert second == {**first, "password": None, "api_key": None}
    assert (Merchant.objects.count(), User.objects.count(), ApiKey.objects.count()) == (1, 1, 1)


def test_another_key_can_be_asked_for() -> None:
    first = demo()["api_key"]
    assert demo("--new-key")["api_key"] not in (None, first)


def test_the_password_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    demo()
    monkeypatch.setenv("DEMO_PASSWORD", "a password of my own")
    assert demo()["password"] == "a password of my own"
    assert User.objects.get().check_password("a password of my own")
