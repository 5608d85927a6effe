"""Does every channel bring addresses and content into one shape, and say what is wrong?"""

from __future__ import annotations

import json
import re

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from providers import addresses
from providers.channel import Channel
from providers.registry import channels
from providers.web_push import example as subscription_example

every_channel = pytest.mark.parametrize("channel", channels().values(), ids=list(channels()))


@every_channel
def test_normalising_twice_changes_nothing_more(channel: Channel) -> None:
    once = channel.normalise(f" {channel.example_address} ")
    assert once == channel.normalise(once) == channel.example_address


@every_channel
@pytest.mark.parametrize("wrong", ["", "  ", "\r\n", "a\r\nBcc: b@example.com", "\x00"])
def test_a_wrong_address_is_answered_with_one_sentence(channel: Channel, wrong: str) -> None:
    with pytest.raises(ValueError) as caught:
        channel.normalise(wrong)
    assert re.fullmatch(r"[A-Z][^\n]*\.", str(caught.value))


@every_channel
def test_the_example_content_is_valid_and_an_unknown_field_is_not(channel: Channel) -> None:
    channel.content_model.model_validate(channel.example_content)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        channel.content_model.model_validate({**channel.example_content, "colour": "red"})


@every_channel
def test_every_field_of_content_is_described(channel: Channel) -> None:
    assert all(field.description for field in channel.content_model.model_fields.values())


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("Jane.Doe+x@Example.COM", "Jane.Doe+x@example.com"),
        ("zoë@bücher.example", "zoë@xn--bcher-kva.example"),
        ("a@xn--mnchen-3ya.de", "a@xn--mnchen-3ya.de"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("delivered@sandbox.test", "delivered@sandbox.test"),
    ],
)
def test_an_email_address_has_one_spelling(given_text: str, kept: str) -> None:
    assert addresses.email(given_text) == kept


@pytest.mark.parametrize(
    "wrong",
    [
        "jane",
        "jane@",
        "@example.com",
        "jane@localhost",
        "jane@host.local",
        "Jane <jane@example.com>",
        "a@b..com",
        "a@-b.com",
        "a b@example.com",
        "a@example.com,b@example.com",
        "a" * 65 + "@example.com",
        "a@" + "b" * 64 + ".com",
    ],
)
def test_what_is_not_an_email_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="This is not an e-mail address"):
        addresses.email(wrong)


@example("a@ab--c.com")
@example("a.@example.com")
@example("a@example.c")
@example("a@1.2.3.4")
@example("a@" + "a." * 130 + "com")
@given(st.from_regex(r"[A-Za-z0-9_+.-]{1,70}@[A-Za-z0-9.-]{1,70}", fullmatch=True))
def test_the_quick_check_never_accepts_what_the_full_one_refuses(address: str) -> None:
    try:
        found = validate_email(address, check_deliverability=False, strict=True, test_environment=True)
    except EmailNotValidError:
        with pytest.raises(ValueError):
            addresses.email(address)
    else:
        assert addresses.email(address) == f"{found.local_part}@{found.ascii_domain}"


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("+1 (202) 555-0123", "+12025550123"),
        ("+966 50 000 0000", "+966500000000"),
        ("tel:+44-20-7946-0123", "+442079460123"),
    ],
)
def test_a_phone_number_becomes_e164(given_text: str, kept: str) -> None:
    assert addresses.phone(given_text) == kept


@pytest.mark.parametrize("wrong", ["2025550123", "+1", "+1202555", "+999123456789", "hello", "+1202555012345678"])
def test_a_number_without_country_or_of_impossible_length_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="phone number"):
        addresses.phone(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        "example.com",
        "ftp://example.com/",
        "https://",
        "https://user:pw@example.com/",
        "https://exa mple.com/",
        "https://example.com:99999/",
        "https://example.com/" + "a" * 2000,
        "javascript:alert(1)",
        "https://[::1/",
    ],
)
def test_what_is_not_a_web_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="web address"):
        addresses.web_url(wrong)


def test_a_subscription_keeps_only_what_is_needed_to_send() -> None:
    given_object = {**json.loads(subscription_example()), "expirationTime": None}
    given_object["keys"]["auth"] += "=="
    assert channels()["web_push"].normalise(json.dumps(given_object, indent=1)) == subscription_example()


@pytest.mark.parametrize("wrong", ["[]", "{}", "7", '{"endpoint": "https://x.example"}'])
def test_a_subscription_without_endpoint_or_keys_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="the browser's subscription as JSON"):
        channels()["web_push"].normalise(wrong)


@pytest.mark.parametrize("key", ["p256dh", "auth"])
def test_a_subscription_with_keys_of_the_wrong_size_is_refused(key: str) -> None:
    given_object = json.loads(subscription_example())
    given_object["keys"][key] = given_object["keys"][key][:-4]
    with pytest.raises(ValueError, match="the browser's subscription as JSON"):
        channels()["web_push"].normalise(json.dumps(given_object))


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("email", {"subject": "x"}),
        ("whatsapp", {}),
        ("whatsapp", {"template": "a", "language": "en", "text": "b"}),
        ("whatsapp", {"template": "a"}),
        ("whatsapp", {"text": "a", "parameters": ["b"]}),
        ("webhook", {"payload": "text"}),
        ("push", {"title": "only"}),
    ],
)
def test_content_that_cannot_be_sent_is_refused(key: str, content: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        channels()[key].content_model.model_validate(content)
