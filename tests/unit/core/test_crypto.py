"""Do sealed credentials open only with their key, in their place, undamaged?"""

from __future__ import annotations

import base64

import pytest

from techrar.core.crypto import CannotOpen, KeyRing
from techrar.core.errors import ConfigurationError


def key(number: int) -> str:
    return base64.b64encode(bytes([number]) * 32).decode()


RING = KeyRing.parse(f"2026:{key(1)}")
PLAIN, PLACE = b'{"password": "s3cret"}', b"account:7"


def test_what_is_sealed_opens_again_and_shows_nothing_meanwhile() -> None:
    sealed = RING.seal(PLAIN, PLACE)
    assert RING.open(sealed, PLACE) == PLAIN
    assert b"s3cret" not in sealed


def test_sealing_twice_gives_two_different_texts() -> None:
    assert RING.seal(PLAIN, PLACE) != RING.seal(PLAIN, PLACE)


def test_it_does_not_open_for_another_merchant() -> None:
    with pytest.raises(CannotOpen, match="belongs elsewhere"):
        RING.open(RING.seal(PLAIN, PLACE), b"account:8")


@pytest.mark.parametrize("at", range(0, 56, 5))
def test_a_single_changed_byte_is_noticed(at: int) -> None:
    sealed = bytearray(RING.seal(PLAIN, PLACE))
    sealed[at] ^= 1
    with pytest.raises(CannotOpen):
        RING.open(bytes(sealed), PLACE)


@pytest.mark.parametrize("damaged", [b"", b"\x01", b"\x01\x04", b"\x01\x042026", b"\x01\x042026short"])
def test_what_is_cut_short_is_noticed(damaged: bytes) -> None:
    with pytest.raises(CannotOpen):
        RING.open(damaged, PLACE)


def test_after_rotation_the_new_key_seals_and_the_old_one_still_opens() -> None:
    rotated = KeyRing.parse(f"2027:{key(2)}, 2026:{key(1)}")
    old, new = RING.seal(PLAIN, PLACE), rotated.seal(PLAIN, PLACE)
    assert rotated.open(old, PLACE) == rotated.open(new, PLACE) == PLAIN
    assert (rotated.outdated(old), rotated.outdated(new)) == (True, False)


def test_a_key_that_is_no_longer_listed_is_named() -> None:
    with pytest.raises(CannotOpen, match="sealed with key '2026', which ENCRYPTION_KEYS does not list"):
        KeyRing.parse(f"2027:{key(2)}").open(RING.seal(PLAIN, PLACE), PLACE)


def test_a_key_id_used_again_for_another_key_does_not_open() -> None:
    with pytest.raises(CannotOpen, match="damaged or belongs elsewhere"):
        KeyRing.parse(f"2026:{key(2)}").open(RING.seal(PLAIN, PLACE), PLACE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        (" , ", "is empty"),
        ("2026", "must be id:base64"),
        (":" + key(1), "must be id:base64"),
        ("2026:c2hvcnQ=", "must be id:base64"),
        ("2026:not base64!", "must be id:base64"),
        (f"a b:{key(1)}", "must be id:base64"),
        (f"x:{key(1)},x:{key(2)}", "names the key 'x' twice"),
    ],
)
def test_a_ring_that_cannot_work_is_refused_in_one_sentence(text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^ENCRYPTION_KEYS .*{why}|{why}"):
        KeyRing.parse(text)


def test_no_key_shows_when_a_ring_is_printed() -> None:
    assert repr(bytes([1]) * 32)[2:-1] not in repr(RING)
