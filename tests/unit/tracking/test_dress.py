"""Which messages get our links?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from techrar.core.ids import delivery_id, new_notification_id
from techrar.policy.categories import CATEGORIES
from techrar.tracking.dress import Dressed, dress
from techrar.tracking.links import Links

LINKS = Links("https://notify.example.com", "a secret")
CONTENT = {"subject": "Hello", "html": '<body><a href="https://a.example/">A</a></body>', "text": "https://a.example/"}


def dressed(category: str = "transactional", *, channel: str = "email", **tracking: bool) -> Dressed:
    row = SimpleNamespace(
        id=delivery_id(new_notification_id(), 1), merchant_id=7, mode=0, channel=channel, category=category
    )
    request: dict[str, Any] = {"tracking": tracking} if tracking else {}
    return dress(row, request, CONTENT, links=LINKS)


@pytest.mark.parametrize("category", CATEGORIES)
def test_what_a_category_does_when_nothing_is_asked_for(category: str) -> None:
    message, known = dressed(category), CATEGORIES[category]
    assert ("/t/o/" in message.content["html"], "/t/c/" in message.content["html"]) == (known.tracked, known.tracked)
    assert bool(message.unsubscribe_url) is known.unsubscribable


def test_only_marketing_is_tracked_by_itself_and_nobody_can_turn_off_what_they_need() -> None:
    assert {key for key, known in CATEGORIES.items() if known.tracked} == {"marketing"}
    assert {key for key, known in CATEGORIES.items() if not known.unsubscribable} == {"transactional", "security"}


@pytest.mark.parametrize(("opens", "clicks"), [(True, False), (False, True), (True, True), (False, False)])
@pytest.mark.parametrize("category", ["transactional", "marketing"])
def test_what_is_asked_for_is_done(category: str, opens: bool, clicks: bool) -> None:
    html = dressed(category, opens=opens, clicks=clicks).content["html"]
    assert ("/t/o/" in html, "/t/c/" in html) == (opens, clicks)


def test_the_plain_text_and_other_channels_stay_as_they_are() -> None:
    assert dressed("marketing").content["text"] == CONTENT["text"]
    assert dressed("marketing", channel="sms", opens=True, clicks=True) == Dressed(CONTENT)
