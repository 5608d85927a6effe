"""Does an independent verifier accept what we sign, and notice what was changed on the way?"""

from __future__ import annotations

from uuid import uuid4

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from providers.email import mime
from providers.email.dkim import Signer
from providers.email.smtp import Smtp
from providers.testing import NOW
from tests.support.dkim_keys import key, pem, published


def built(to: str = "jane@example.com", **content: str) -> bytes:
    sender = mime.From("shop@example.com", "متجر, Ltd.", "help@example.com")
    extra = {"List-Unsubscribe": f"<https://t.example.com/{'x' * 300}>", "List-Unsubscribe-Post": "a=b"}
    return mime.build(
        delivery_id=uuid4(),
        to=to,
        sender=sender,
        content={"subject": "Hi  there " * 20, **content},
        now=NOW,
        extra=extra,
    )


def signed(raw: bytes) -> bytes:
    return Signer("example.com", "k1", pem(key())).signed(raw)


@pytest.mark.parametrize(
    "content",
    [
        {"text": "Hi"},
        {"text": "trailing   \n\tspaces \n\n\n\n"},
        {"text": "طلبك في الطريق " * 50, "html": "<p>طلبك</p>" * 50},
        {"html": "<p>.\r\n.\r\n</p>"},
        {"text": "\n"},
    ],
)
def test_an_independent_verifier_accepts_it(content: dict[str, str]) -> None:
    assert dkim.verify(signed(built(**content)), dnsfunc=published)


def test_an_address_beyond_ascii_can_be_signed() -> None:
    assert dkim.verify(signed(built("zoë@example.com", text="Hi")), dnsfunc=published)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Hello", b"Hallo"),
        (b"To: jane@", b"To: joan@"),
        (b"List-Unsubscribe-Post: a=b", b"List-Unsubscribe-Post: a=c"),
        (b"X-Delivery-Id:", b"X-Delivery-Is:"),
        (b"MIME-Version", b"From: somebody@else.example\r\nMIME-Version"),
    ],
)
def test_what_was_changed_on_the_way_is_noticed(before: bytes, after: bytes) -> None:
    raw = signed(built(text="Hello"))
    assert before in raw
    assert not dkim.verify(raw.replace(before, after, 1), dnsfunc=published)


def test_relays_may_fold_and_pad() -> None:
    raw = signed(built(text="Hello")).replace(b"Subject: Hi  there", b"subject:   Hi \r\n\tthere", 1)
    assert dkim.verify(raw + b"\r\n\r\n", dnsfunc=published)


@pytest.mark.parametrize(
    "wrong",
    [
        "not a key",
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(key(), serialization.BestAvailableEncryption(b"password")),
    ],
)
def test_a_key_that_cannot_sign_is_refused_when_it_is_entered_and_not_shown(wrong: str) -> None:
    with pytest.raises(ValueError, match="dkim_private_key must be") as caught:
        Smtp.Config.model_validate(
            {"host": "x.example", "dkim_domain": "example.com", "dkim_selector": "k1", "dkim_private_key": wrong}
        )
    assert wrong.split("\n")[1 if "\n" in wrong else 0] not in str(caught.value)


@pytest.mark.parametrize("missing", ["dkim_domain", "dkim_selector", "dkim_private_key"])
def test_half_a_signature_is_refused(missing: str) -> None:
    given = {"dkim_domain": "example.com", "dkim_selector": "k1", "dkim_private_key": pem(key())}
    with pytest.raises(ValueError, match="give all or none"):
        Smtp.Config.model_validate({"host": "x.example", **given, missing: ""})
