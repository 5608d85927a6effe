"""Do we count what networks bill? Against the smsutil library, over any text."""

from __future__ import annotations

import pytest
import smsutil
from hypothesis import example, given, settings
from hypothesis import strategies as st

from providers.sms.segments import BASIC, EXTENSION, Alphabet, Segments, measure

GSM = st.text(alphabet=sorted(BASIC | EXTENSION), min_size=1, max_size=500)
#: smsutil takes a bare escape for a character of the alphabet; no phone shows one.
ANY = st.text(alphabet=st.characters(exclude_characters="\x1b", exclude_categories=["Cs"]), min_size=1, max_size=250)
MIXED = st.lists(st.sampled_from(["a", "€", "[", "ë", "😀", "👩‍👧", "ж"]), min_size=1, max_size=400).map("".join)


@settings(max_examples=400)
@given(GSM | ANY | MIXED)
@example("€" * 153)
@example("a" * 152 + "€" + "a" * 100)
@example("ж" * 66 + "😀" + "ж" * 66)
def test_smsutil_counts_the_same(text: str) -> None:
    theirs = smsutil.split(text)
    ours = measure(text)
    assert (ours.alphabet is Alphabet.GSM7) == (theirs.encoding == "gsm0338")
    assert ours.count == len(theirs.parts)


@pytest.mark.parametrize(
    ("text", "alphabet", "count"),
    [
        ("", Alphabet.GSM7, 1),
        ("a" * 160, Alphabet.GSM7, 1),
        ("a" * 161, Alphabet.GSM7, 2),
        ("a" * 306, Alphabet.GSM7, 2),
        ("a" * 307, Alphabet.GSM7, 3),
        ("€" * 80, Alphabet.GSM7, 1),
        ("€" * 81, Alphabet.GSM7, 2),
        ("ж" * 70, Alphabet.UCS2, 1),
        ("ж" * 71, Alphabet.UCS2, 2),
        ("ж" * 134, Alphabet.UCS2, 2),
        ("ж" * 135, Alphabet.UCS2, 3),
        ("😀" * 35, Alphabet.UCS2, 1),
        ("😀" * 36, Alphabet.UCS2, 2),
        # 134 units, but the pair at the end of the first piece moves to the second as a whole.
        ("ж" * 66 + "😀" + "ж" * 66, Alphabet.UCS2, 3),
        ("a" * 152 + "€" + "a" * 152, Alphabet.GSM7, 3),
        ("\x1b", Alphabet.UCS2, 1),
    ],
)
def test_the_edges_of_a_piece(text: str, alphabet: Alphabet, count: int) -> None:
    assert measure(text) == Segments(alphabet, count)
