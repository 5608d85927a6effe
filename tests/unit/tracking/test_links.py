"""Which links are ours, and what does each stand for?"""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techrar.core.ids import delivery_id, new_notification_id
from techrar.tracking.links import LIFETIME, YEAR, Forged, Kind, Links, Mark, TooOld

LINKS = Links("https://notify.example.com", "a secret")
URL = "https://shop.example.com/ü?a=1&b=2#c"


def row(**fields: Any) -> Any:
    return SimpleNamespace(**{"id": delivery_id(new_notification_id(), 1), "merchant_id": 7, "mode": 1, **fields})


def token(url: str) -> str:
    return url.rpartition("/")[2]


def accepted(identifier: UUID) -> float:
    return (identifier.int >> 80) / 1000


def test_a_link_says_whose_it_is_and_where_it_leads() -> None:
    sent = row()
    marked = LINKS.of(sent)
    assert marked.click(3, URL).startswith("https://notify.example.com/t/c/")
    assert LINKS.read(Kind.CLICK, token(marked.click(3, URL))) == Mark(sent.id, 7, 1, 3, URL)
    assert LINKS.read(Kind.OPEN, token(marked.picture)) == Mark(sent.id, 7, 1)
    assert LINKS.read(Kind.UNSUBSCRIBE, token(marked.unsubscribe)) == Mark(sent.id, 7, 1)


def test_no_bit_of_a_link_can_be_changed() -> None:
    """Not its merchant, not its expiry, and not where it leads."""
    good = token(LINKS.of(row()).click(1, URL))
    raw = base64.urlsafe_b64decode(good + "=" * (-len(good) % 4))
    for place in range(len(raw)):
        bad = bytearray(raw)
        bad[place] ^= 1
        with pytest.raises(Forged):
            LINKS.read(Kind.CLICK, base64.urlsafe_b64encode(bad).decode())


def test_a_link_of_one_merchant_cannot_be_put_together_for_another() -> None:
    sent = row()
    theirs = LINKS.of(SimpleNamespace(id=sent.id, merchant_id=8, mode=1))
    mine = base64.urlsafe_b64decode(token(LINKS.of(sent).unsubscribe))
    other = base64.urlsafe_b64decode(token(theirs.unsubscribe))
    with pytest.raises(Forged):
        LINKS.read(Kind.UNSUBSCRIBE, base64.urlsafe_b64encode(mine[:27] + other[27:]).decode())


@pytest.mark.parametrize("kind", Kind)
def test_a_link_opens_its_own_door_only(kind: Kind) -> None:
    marked = LINKS.of(row())
    made = {Kind.OPEN: marked.picture, Kind.CLICK: marked.click(0, ""), Kind.UNSUBSCRIBE: marked.unsubscribe}
    LINKS.read(kind, token(made.pop(kind)))
    for other in made.values():
        with pytest.raises(Forged):
            LINKS.read(kind, token(other))


def test_another_installations_link_is_not_ours() -> None:
    with pytest.raises(Forged):
        Links("https://notify.example.com", "another secret").read(Kind.OPEN, token(LINKS.of(row()).picture))


@given(st.text(max_size=200))
def test_whatever_stands_in_an_address_is_ours_or_forged(text: str) -> None:
    with pytest.raises(Forged):
        LINKS.read(Kind.CLICK, text)


def test_a_link_is_too_old_two_years_after_the_acceptance() -> None:
    sent = row()
    picture, begun = token(LINKS.of(sent).picture), accepted(sent.id)
    assert LINKS.read(Kind.OPEN, picture, now=begun + LIFETIME - 2).delivery_id == sent.id
    with pytest.raises(TooOld):
        LINKS.read(Kind.OPEN, picture, now=begun + LIFETIME + 2)


def test_a_message_that_was_accepted_long_before_it_is_sent_has_links_for_a_year_at_least() -> None:
    sent = row()
    sending = accepted(sent.id) + 5 * YEAR
    assert LINKS.read(Kind.OPEN, token(LINKS.of(sent, now=sending).picture), now=sending + YEAR).delivery_id == sent.id


def test_a_message_that_is_rendered_again_has_the_same_links() -> None:
    sent = row()
    now = accepted(sent.id)
    first, again = (LINKS.of(sent, now=now + later) for later in (0, 100_000))
    assert (first.picture, first.unsubscribe, first.click(1, URL)) == (
        again.picture,
        again.unsubscribe,
        again.click(1, URL),
    )
