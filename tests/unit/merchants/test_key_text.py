"""What an API key looks like, and what is kept of it."""

from __future__ import annotations

import pytest

from techrar.core.mode import Mode
from techrar.merchants import keys


def minted(mode: Mode = Mode.LIVE) -> keys.MintedKey:
    return keys.mint(mode)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_key_says_its_mode_and_its_public_id(mode: Mode) -> None:
    key = minted(mode)
    assert key.text.startswith(f"trk_{mode}_{key.public_id}_")
    assert keys.public_id_of(key.text) == key.public_id


def test_the_secret_is_256_bits_from_the_given_entropy() -> None:
    asked: list[int] = []

    def entropy(size: int) -> bytes:
        asked.append(size)
        return b"\xff" * size

    largest = keys.mint(Mode.TEST, entropy=entropy)
    assert asked == [8, 32]
    assert keys.public_id_of(largest.text) == largest.public_id
    smallest = keys.mint(Mode.TEST, entropy=bytes)
    assert len(smallest.text) == len(largest.text)


def test_only_a_hash_is_kept_and_only_the_whole_key_matches_it() -> None:
    key = minted()
    assert len(key.secret_hash) == 32
    assert key.text.encode() not in key.secret_hash
    assert keys.matches(key.text, key.secret_hash)
    assert not keys.matches(minted().text, key.secret_hash)


def test_a_key_does_not_show_in_a_log_line() -> None:
    key = minted()
    assert key.text not in repr(key)


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t + "x", lambda t: t.replace("live", "test"), str.upper])
def test_a_mistyped_key_is_recognised_without_a_lookup(spoil) -> None:  # type: ignore[no-untyped-def]
    assert keys.public_id_of(spoil(minted().text)) is None


def test_one_wrong_character_anywhere_is_noticed() -> None:
    text = minted().text
    for place in range(len("trk_live_"), len(text)):
        wrong = "A" if text[place] != "A" else "B"
        if text[place] != "_":
            assert keys.public_id_of(text[:place] + wrong + text[place + 1 :]) is None
