"""What a look at the parts finds, and how long it may take."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from ops.chaos.tcp_proxy import TcpProxy
from techrar import health

pytestmark = [pytest.mark.django_db, pytest.mark.rabbitmq]


@pytest.fixture(autouse=True)
def board(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has looked yet."""
    monkeypatch.setattr(health, "_board", health.Board())


def test_a_live_process_says_so_and_is_not_remembered(anonymous: Client) -> None:
    answer = anonymous.get("/livez")
    assert (answer.status_code, answer.json(), answer["Cache-Control"]) == (200, {"status": "ok"}, "no-store")


def test_every_part_is_looked_at(anonymous: Client) -> None:
    parts = {"database": "ok", "valkey": "ok", "broker": "ok"}
    assert anonymous.get("/readyz").json() == {"status": "ok", "parts": parts}


def test_the_ledger_transport_needs_no_broker(anonymous: Client, settings: Any) -> None:
    settings.TRANSPORT = "ledger"
    assert "broker" not in anonymous.get("/readyz").json()["parts"]


def test_a_look_is_shared_for_a_second(anonymous: Client, settings: Any) -> None:
    assert anonymous.get("/readyz").json()["status"] == "ok"
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert anonymous.get("/readyz").json()["status"] == "ok"


def test_parts_that_refuse_are_named(anonymous: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.AMQP_URL = "amqp://guest:guest@127.0.0.1:1/"
    answer = anonymous.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["parts"]["database"] == "ok"
    assert all(answer.json()["parts"][part].startswith("down (") for part in ("valkey", "broker"))


def test_a_part_that_hangs_is_waited_for_only_a_second(
    anonymous: Client, settings: Any, redis_url: str, amqp_url: str
) -> None:
    with TcpProxy(amqp_url) as proxy:
        proxy.stall()
        settings.AMQP_URL = proxy.url
        began = time.monotonic()
        parts = anonymous.get("/readyz").json()["parts"]
        assert time.monotonic() - began < 1.5
        assert (parts["database"], parts["valkey"]) == ("ok", "ok")
        assert parts["broker"] != "ok"


def test_a_mistake_of_ours_is_not_taken_for_an_outage(monkeypatch: pytest.MonkeyPatch, anonymous: Client) -> None:
    def wrong() -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(health, "probe_valkey", wrong)
    assert anonymous.get("/readyz").status_code == 500
