"""What a sender sees while a server is away: only the database is needed to accept a message."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.factories import Person
from tests.integration.api.conftest import Web, away, eventually, web, web_process  # noqa: F401  # fixtures
from tests.integration.notifications.sending import count, message
from tests.support.ledger import ledger  # noqa: F401  # empties it

pytestmark = [pytest.mark.rabbitmq, pytest.mark.usefixtures("ledger")]


def post(web: Web, person: Person, key: str = "", path: str = "") -> requests.Response:  # noqa: F811
    headers = {"Authorization": f"Bearer {person.key}"} | ({"Idempotency-Key": key} if key else {})
    body: Any = {"messages": [message()] * 3} if path else message()
    return requests.post(f"{web.url}/v1/notifications{path}", json=body, headers=headers, timeout=20)


@pytest.mark.parametrize("part", ["broker", "valkey"])
def test_without_the_broker_or_valkey_messages_are_accepted_as_ever(alice: Person, web: Web, part: str) -> None:  # noqa: F811
    with away(getattr(web, part)):
        answers = [post(web, alice), post(web, alice, path="/batch")]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert count("delivery", alice) == 4


def test_without_the_database_a_send_is_refused_whole_and_may_be_repeated(alice: Person, web: Web) -> None:  # noqa: F811
    assert post(web, alice).status_code == 202
    with away(web.database):
        for path in ("", "/batch"):
            refused = post(web, alice, "one", path)
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            assert int(refused.headers["Retry-After"]) >= 1
    assert count("delivery", alice) == 1
    accepted = eventually(lambda: post(web, alice, "one"), lambda answer: answer.status_code != 503)
    assert (accepted.status_code, accepted.headers.get("Idempotency-Replayed")) == (202, None)
    assert count("delivery", alice) == 2
    assert "Traceback" not in web.log.read_text()
