"""`docs/sending.md` is true: its examples are run in its order, and its answers look like the real ones."""

from __future__ import annotations

import json
import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from techrar.ledger.states import State
from techrar.policy.retry import DELAYS
from tests.factories import Person
from tests.integration.notifications.sending import TO_SENDING, move, send
from tests.integration.notifications.test_refusals import WRONG

DOCS = Path(__file__).resolve().parents[3] / "docs"
TEXT = (DOCS / "sending.md").read_text()
BLOCK = re.compile(r"^```(\w+) ?(\d*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| (`.+?) \|", re.MULTILINE)
#: words that mean the same on every machine; of everything else only the kind is compared
SAME = {"status", "event", "channel", "reason", "code", "field", "index", "attempt", "attempts", "provider", "count"}
SAME |= {"accepted", "failed", "replayed", "more", "dry_run", "has_more", "category", "priority", "metadata", "title"}
SAME |= {"detail", "message", "content", "type"}


def test_every_example_is_answered_as_the_page_says(alice: Person) -> None:
    blocks = [(kind, status, body) for kind, status, body in BLOCK.findall(TEXT) if "export" not in body]
    known: dict[str, str] = {}
    ran = 0
    for (kind, _, command), (next_kind, status, shown) in pairwise([*blocks, ("", "", "")]):
        if kind != "sh":
            continue
        before(alice, command, known)
        answer = run(alice, command, known)
        if next_kind == "json":
            assert answer.status_code == int(status), (command, answer.content)
            assert_alike(json.loads(shown), answer.json(), command)
        assert answer.status_code < 300 or status == "422", (command, answer.content)
        if answer.status_code < 300:
            remember(answer.json(), known)
        ran += 1
    assert ran == TEXT.count("\ncurl ")


def run(person: Person, command: str, known: dict[str, str]) -> Any:
    """What curl would send, through the test's client."""
    url, method, headers, body = "", "GET", {}, None
    one_line = command.replace("\\\n", " ")
    words = iter(shlex.split(re.sub(r"\$([A-Z_]+)", lambda name: known.get(name[1], name[0]), one_line)))
    assert next(words) == "curl"
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name.replace("-", "_")] = value
        elif word == "-d":
            body = orjson.loads(next(words))
        else:
            url = word
    assert headers.pop("Authorization") == "Bearer $TECHRAR_KEY"
    assert headers.pop("Content_Type", None) == ("application/json" if body else None)
    return person.call(method, url.removeprefix("$TECHRAR_URL"), body, **headers)


def before(person: Person, command: str, known: dict[str, str]) -> None:
    """What the consumers have done by then."""
    if command.strip().endswith('notifications/$ID -H "Authorization: Bearer $TECHRAR_KEY"'):
        delivery = str(UUID(int=UUID(known["ID"]).int | 1))
        went = orjson.dumps({"provider": "sandbox", "latency_ms": 12}).decode()
        move(delivery, *TO_SENDING, State.SENT, attempt=1, vendor_id="sandbox-1", detail=went)
        move(delivery, State.DELIVERED, vendor_id="sandbox-1")
    if "/dead-letters -H" in command:
        for _ in range(2):
            move(send(person)["deliveries"][0]["id"], *TO_SENDING, State.DEAD, reason="connection")


def remember(told: dict[str, Any], known: dict[str, str]) -> None:
    if told.get("status") == "accepted":
        known.setdefault("ID", told["id"])
    if told.get("status") == "scheduled":
        known["SCHEDULED_ID"] = told["id"]
    for entry in told.get("entries", ()):
        known |= {"FINGERPRINT": entry["fingerprint"]} if "fingerprint" in entry else {}


def assert_alike(shown: Any, real: Any, where: str) -> None:
    """The same members, lengths and kinds, and the same words where words have a meaning."""
    if isinstance(shown, dict):
        assert set(shown) == set(real), where
        for name, value in shown.items():
            if name in SAME and not isinstance(value, list):
                assert real[name] == value, (where, name)
            else:
                assert_alike(value, real[name], f"{where}: {name}")
    elif isinstance(shown, list):
        assert len(shown) == len(real), where
        for one, other in zip(shown, real, strict=True):
            assert_alike(one, other, where)
    else:
        assert type(shown) is type(real), (where, shown, real)


def test_every_status_has_its_meaning() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", TEXT.partition("| status |")[2].partition("\n\n")[0], re.MULTILINE)
    assert sorted(listed) == sorted(state.word for state in State)


def test_every_word_for_a_wrong_field_is_explained() -> None:
    used = {code for _, expected in WRONG.values() for _, code in expected}
    rows = ROW.findall(TEXT) + ROW.findall((DOCS / "errors.md").read_text())
    explained = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert used <= explained


def test_the_page_tells_how_often_is_tried() -> None:
    assert [len(delays) for delays in DELAYS.values()] == [3, 3, 2, 2]
    assert [sum(delays) for delays in DELAYS.values()] == [21, 21 * 60, 35 * 60, 5 * 3600]
