"""Which bodies are one request, and which words of a send are refused before anything is looked up?"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from providers.registry import channels
from techrar.ledger.idempotency import fingerprint
from techrar.ledger.states import State
from techrar.notifications.dead_letters import Cursor
from techrar.notifications.schemas import STATES, SendIn
from techrar.notifications.selectors import ORDER, overall

TO = {"email": "ann@example.com"}


def test_a_request_is_its_path_and_the_meaning_of_its_body() -> None:
    first = fingerprint("/v1/x", b'{"a": 1, "b": [1, 2]}')
    assert fingerprint("/v1/x", b'{"b":[1,2],"a":1}') == first
    different = [
        fingerprint("/v1/y", b'{"a": 1, "b": [1, 2]}'),
        fingerprint("/v1/x", b'{"a": 1, "b": [2, 1]}'),
        fingerprint("/v1/x", b'{"a": "1", "b": [1, 2]}'),
        fingerprint("/v1/x", b""),
        fingerprint("/v1/x", b"{"),
        fingerprint("/v1/x", b"[" * 900 + b"]" * 900),
    ]
    assert len({first, *different}) == 7


@pytest.mark.parametrize(
    "value", ["2030-01-01T00:00:00Z", "2030-01-01t00:00+02:00", "2030-01-01 00:00:00.123456-05:00", None]
)
def test_times_are_written_as_rfc_3339(value: Any) -> None:
    SendIn.model_validate({"to": TO, "scheduled_at": value})


@pytest.mark.parametrize(
    "value", [1900000000, 1.5, True, "1900000000", "2030-01-01", "tomorrow", "", [], "20300101T000000Z"]
)
def test_and_not_in_any_other_way(value: Any) -> None:
    with pytest.raises(ValidationError):
        SendIn.model_validate({"to": TO, "scheduled_at": value})


def test_every_channel_has_its_address_and_its_content_in_a_send() -> None:
    for channel in channels().values():
        send = SendIn.model_validate(
            {"to": {channel.address_field: channel.example_address}, "content": {channel.key: channel.example_content}}
        )
        assert getattr(send.to, channel.address_field) == channel.example_address


def test_every_state_has_its_place_in_the_status_of_several_deliveries() -> None:
    assert sorted(ORDER) == sorted(State)
    assert len(STATES) == len(State)


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([State.DELIVERED], "delivered"),
        ([State.DELIVERED, State.FAILED], "delivered"),
        ([State.DELIVERED, State.QUEUED], "queued"),
        ([State.SCHEDULED, State.SENDING], "sending"),
        ([State.SENT, State.UNKNOWN], "unknown"),
        ([State.CANCELLED, State.EXPIRED], "expired"),
    ],
)
def test_the_least_finished_delivery_names_the_notification_and_then_the_best(states: list[State], status: str) -> None:
    assert overall(states) == overall(states[::-1]) == status


def test_a_cursor_of_dead_letters_is_read_as_it_was_written_and_nothing_else_is() -> None:
    cursor = Cursor(12, uuid4().hex)
    assert Cursor.read(str(cursor)) == cursor
    for text in ("", "12", f"-1.{cursor.fingerprint}", f"{9 * '9' * 3}.{cursor.fingerprint}", "1.x", f"{cursor}\n"):
        assert Cursor.read(text) is None
