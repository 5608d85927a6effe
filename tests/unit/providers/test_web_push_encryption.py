"""Is what we encrypt what RFC 8291 says, and readable by an implementation that is not ours?"""

from __future__ import annotations

import base64
import os

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key, generate_private_key

from providers.web_push.encryption import LONGEST, RECORD, encrypt, public_bytes


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_example_of_the_standard_comes_out_to_the_byte() -> None:
    """RFC 8291, section 5."""
    sender = derive_private_key(int.from_bytes(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), SECP256R1())
    sealed = encrypt(
        b"When I grow up, I want to be a watermelon",
        browser_key=raw("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        auth=raw("BTBZMqHH6r4Tts7J_aSIgg"),
        own_key=sender,
        salt=raw("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert base64.urlsafe_b64encode(sealed).decode().rstrip("=") == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@pytest.mark.parametrize("size", [0, 1, 500, LONGEST])
def test_another_implementation_reads_it(size: int) -> None:
    browser, auth, words = generate_private_key(SECP256R1()), os.urandom(16), os.urandom(size)
    sealed = encrypt(words, browser_key=public_bytes(browser), auth=auth)
    assert len(sealed) <= RECORD
    assert http_ece.decrypt(sealed, private_key=browser, auth_secret=auth, version="aes128gcm") == words


def test_no_two_bodies_share_a_key_or_a_salt() -> None:
    browser, auth = public_bytes(generate_private_key(SECP256R1())), bytes(16)
    first, second = (encrypt(b"the same", browser_key=browser, auth=auth) for _ in range(2))
    assert first[:16] != second[:16]
    assert first[21:86] != second[21:86]


def test_one_byte_more_is_one_too_many() -> None:
    browser = public_bytes(generate_private_key(SECP256R1()))
    with pytest.raises(ValueError, match=f"{LONGEST} bytes"):
        encrypt(bytes(LONGEST + 1), browser_key=browser, auth=bytes(16))
