"""How many messages does a phone network make of one text?

Networks carry 140 bytes at a time and bill each piece. A text of the GSM alphabet takes 7 bits a character, any other
16; a text of several pieces loses room in each of them to the header that joins them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")  # written as an escape and a character
GSM = BASIC | EXTENSION


class Alphabet(StrEnum):
    GSM7 = "gsm7"
    UCS2 = "ucs2"


ALONE = {Alphabet.GSM7: 160, Alphabet.UCS2: 70}
JOINED = {Alphabet.GSM7: 153, Alphabet.UCS2: 67}


@dataclass(frozen=True, slots=True)
class Segments:
    alphabet: Alphabet
    count: int


def measure(text: str) -> Segments:
    """The alphabet that a text needs, and how many pieces it is sent in."""
    used = set(text)
    alphabet = Alphabet.GSM7 if used <= GSM else Alphabet.UCS2
    if used <= BASIC:
        wide = 0
    elif alphabet is Alphabet.GSM7:
        wide = sum(character in EXTENSION for character in text)
    else:
        wide = sum(character > "\uffff" for character in text)
    if len(text) + wide <= ALONE[alphabet]:
        return Segments(alphabet, 1)
    room = JOINED[alphabet]
    if not wide:
        return Segments(alphabet, -(-len(text) // room))
    return Segments(alphabet, _pieces(text, alphabet, room))


def _pieces(text: str, alphabet: Alphabet, room: int) -> int:
    """Piece by piece, because a character of two units is never cut in half."""
    pieces, left = 1, room
    for character in text:
        double = character in EXTENSION if alphabet is Alphabet.GSM7 else character > "\uffff"
        if left < 1 + double:
            pieces, left = pieces + 1, room
        left -= 1 + double
    return pieces
