"""Do a batch's messages come out of their skeleton as they went in, whatever was in them?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from providers.email.sending import portions
from providers.email.skeleton import common

WORDS = st.text(st.sampled_from("ab<>\n{} %é"), max_size=30)


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_every_text_can_be_put_together_again(texts: list[str]) -> None:
    skeleton, values = common(texts, "t", lambda name: f"\x01{name}\x02", reserved="{{")
    for text, value in zip(texts, values, strict=True):
        filled = skeleton
        for name, piece in value.items():
            filled = filled.replace(f"\x01{name}\x02", piece)
        assert filled == text
    assert "{{" not in skeleton


def test_what_is_the_same_everywhere_travels_once() -> None:
    texts = [f"<html>\n<p>Dear {name},</p>\n<table>{'<tr>' * 100}</table>" for name in ("Jane", "Joe")]
    skeleton, values = common(texts, "html", lambda name: f"[{name}]")
    assert skeleton == f"<html>\n<p>[html0]\n<table>{'<tr>' * 100}</table>"
    assert values == [{"html0": "Dear Jane,</p>"}, {"html0": "Dear Joe,</p>"}]


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 100))
def test_portions_hold_everything_in_order_and_stay_within_their_limit(sizes: list[int], limit: int) -> None:
    cuts = [sizes[cut] for cut in portions(sizes, limit)]
    assert [size for cut in cuts for size in cut] == sizes
    assert all(sum(cut) <= limit or len(cut) == 1 for cut in cuts)
