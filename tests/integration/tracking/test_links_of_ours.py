"""`/t/o/…`, `/t/c/…` and `/u/…`: what happens when somebody follows a link in a message?"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client

from techrar.receipts.services import Seen, keep
from techrar.tracking import services
from techrar.tracking.hits import Hits
from techrar.tracking.links import LIFETIME, YEAR, Marked
from tests.factories import Person, make_client

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"
URL = "https://shop.example.com/ü?a=1&b=2#c"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """What would be written."""
    said: list[Seen] = []
    hits = Hits(said.extend)
    monkeypatch.setattr(hits, "add", said.append)
    monkeypatch.setattr(services, "hits", hits)
    return said


@pytest.fixture
def sent(alice: Person) -> UUID:
    """One message of Alice's."""
    content = {"email": {"subject": "Hello", "html": "<p>Hi</p>"}}
    answer = alice.post("/v1/notifications", {"to": {"email": "ann@Example.com"}, "content": content})
    return UUID(orjson.loads(answer.content)["deliveries"][0]["id"])


def marked(delivery: UUID, merchant: int, *, now: float | None = None) -> Marked:
    return services.links().of(SimpleNamespace(id=delivery, merchant_id=merchant, mode=0), now=now)


def follow(url: str, method: str = "GET", *, agent: str = BROWSER) -> HttpResponse:
    return make_client().generic(method, "/" + url.split("/", 3)[3], headers={"user-agent": agent})


def suppressions() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT merchant_id, mode, channel, address, reason FROM suppression")
        return list(cursor.fetchall())


def changed(url: str) -> str:
    at = url.rindex("/") + 10
    return url[:at] + ("A" if url[at] != "A" else "B") + url[at + 1 :]


def test_the_picture_is_shown_and_remembered(seen: list[Seen], sent: UUID, alice: Person) -> None:
    answer = follow(marked(sent, alice.merchant_id).picture)
    assert (answer.status_code, answer["Content-Type"], answer.content[:6]) == (200, "image/gif", b"GIF89a")
    assert "no-store" in answer["Cache-Control"]
    (hit,) = seen
    assert (hit.kind, hit.delivery_id, hit.merchant_id, hit.mode, hit.machine) == (
        "opened",
        sent,
        alice.merchant_id,
        0,
        False,
    )


def test_a_link_leads_to_where_it_led_and_is_remembered(seen: list[Seen], sent: UUID, alice: Person) -> None:
    answer = follow(marked(sent, alice.merchant_id).click(4, URL))
    assert (answer.status_code, answer["Location"]) == (302, "https://shop.example.com/%C3%BC?a=1&b=2#c")
    (hit,) = seen
    assert (hit.kind, hit.detail, hit.machine) == ("clicked", {"link": 4}, False)


def test_a_query_changes_nothing(seen: list[Seen], sent: UUID, alice: Person) -> None:
    answer = follow(marked(sent, alice.merchant_id).click(1, URL) + "?url=https://evil.example/")
    assert answer["Location"].startswith("https://shop.example.com/")


def test_an_address_with_a_line_break_makes_no_header_of_its_own(seen: list[Seen], sent: UUID, alice: Person) -> None:
    answer = follow(marked(sent, alice.merchant_id).click(1, "https://a.example/\r\nSet-Cookie: a=b"))
    assert (answer.status_code, answer["Location"]) == (302, "https://a.example/%0D%0ASet-Cookie:%20a=b")


def test_a_forged_link_leads_nowhere_and_is_not_remembered(seen: list[Seen], sent: UUID, alice: Person) -> None:
    mine = marked(sent, alice.merchant_id)
    assert follow(changed(mine.picture)).status_code == 200, "mail programs show a broken picture otherwise"
    answer = follow(changed(mine.click(1, URL)))
    assert (answer.status_code, "Location" in answer, seen) == (404, False, [])


def test_a_link_that_is_too_old_leads_nowhere(seen: list[Seen], sent: UUID, alice: Person) -> None:
    old = UUID(int=(int((time.time() - LIFETIME - YEAR) * 1000) << 80) | (sent.int & ((1 << 80) - 1)))
    mine = marked(old, alice.merchant_id, now=time.time() - LIFETIME - YEAR)
    assert follow(mine.click(1, URL)).status_code == 410
    assert follow(mine.unsubscribe, "POST").status_code == 410
    assert follow(mine.picture).status_code == 200
    assert (seen, suppressions()) == ([], [])


def test_a_scanner_is_led_on_and_told_from_a_person(seen: list[Seen], sent: UUID, alice: Person) -> None:
    link = marked(sent, alice.merchant_id).click(1, URL)
    assert follow(link, "HEAD").status_code == 302
    assert follow(link, agent="Barracuda Sentinel (EE)").status_code == 302
    assert [hit.machine for hit in seen] == [True, True]


def test_reloading_within_a_second_counts_once(sent: UUID, alice: Person, seen: list[Seen]) -> None:
    for _ in range(3):
        follow(marked(sent, alice.merchant_id).picture)
    assert len({hit.event_id for hit in seen}) <= 2, "one, or two where a second ends in between"
    keep(seen)
    keep(seen)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM receipt WHERE account_id = 0 AND delivery_id = %s", (sent,))
        assert cursor.fetchone() == (len({hit.event_id for hit in seen}),)


def test_while_the_database_is_away_pictures_are_shown_and_links_lead_on(sent: UUID, alice: Person) -> None:
    """And nobody waits for it."""
    mine = marked(sent, alice.merchant_id)

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        raise OperationalError("no route to host")

    with connection.execute_wrapper(refuse), pytest.MonkeyPatch.context() as patch:
        hits = Hits(keep)
        patch.setattr(hits, "_start", lambda: None)
        patch.setattr(services, "hits", hits)
        assert follow(mine.picture).status_code == 200
        assert follow(mine.click(1, URL)).status_code == 302
        assert not hits.flush()
        answer = follow(mine.unsubscribe, "POST")
        assert (answer.status_code, answer["Retry-After"]) == (503, "5"), "what was not written is not promised"
    assert hits.flush()


def test_looking_at_the_page_unsubscribes_nobody(sent: UUID, alice: Person) -> None:
    link = marked(sent, alice.merchant_id).unsubscribe
    for method in ("GET", "HEAD"):
        assert follow(link, method).status_code == 200
    page = follow(link).content.decode()
    assert "Merchant A" in page
    assert '<form method="post">' in page
    assert "<script" not in page
    assert suppressions() == []


def test_one_post_without_cookies_unsubscribes_however_often(sent: UUID, alice: Person) -> None:
    link = marked(sent, alice.merchant_id).unsubscribe
    for _ in range(3):
        client = Client(enforce_csrf_checks=True)
        answer = client.post(
            "/" + link.split("/", 3)[3], "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded"
        )
        assert (answer.status_code, "You are unsubscribed" in answer.content.decode()) == (200, True)
        assert not answer.cookies
    assert suppressions() == [(alice.merchant_id, 0, "email", "ann@example.com", "unsubscribed")]
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind FROM receipt WHERE delivery_id = %s", (sent,))
        assert cursor.fetchall() == [("unsubscribed",)]


def test_a_link_for_another_merchant_or_a_forged_one_unsubscribes_nobody(
    sent: UUID, alice: Person, charlie: Person
) -> None:
    assert follow(changed(marked(sent, alice.merchant_id).unsubscribe), "POST").status_code == 404
    assert follow(marked(sent, charlie.merchant_id).unsubscribe, "POST").status_code == 410, "signed, but not its row's"
    assert follow(marked(sent, alice.merchant_id).picture.replace("/t/o/", "/u/"), "POST").status_code == 404
    assert suppressions() == []
