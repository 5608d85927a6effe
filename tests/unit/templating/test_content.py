"""Is everything that is wrong with a version said when it is saved?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.registry import channels
from techrar.templating.content import check_content, check_version
from techrar.templating.problems import TemplateProblem

EMAIL = {"subject": "Hi {{ name }}", "text": "Hello {{ name }}"}


def wrong(content: Any, translations: Any = None) -> list[tuple[str, str]]:
    with pytest.raises(TemplateProblem) as caught:
        check_version(content, translations or {})
    return [(error.field, error.code) for error in caught.value.errors]


@pytest.mark.parametrize("key", list(channels()))
def test_the_example_of_every_channel_may_be_saved_and_rendered(key: str) -> None:
    channel = channels()[key]
    compiled = check_content({key: channel.example_content})[key]
    assert set(compiled.render({})) == set(channel.example_content)


def test_a_good_version_passes() -> None:
    check_version({"email": EMAIL}, {"pt-BR": {"email": EMAIL}})


def test_shape_and_texts_of_all_channels_and_locales_are_checked() -> None:
    assert wrong(
        {"email": {"subject": "x"}, "sms": {"text": "{{ a.b() }}"}, "pigeon": {}},
        {"pt": {"sms": {"text": "{{ b", "extra": 1}}, "de": {"sms": {"text": "{{ b"}}},
    ) == [
        ("content.email", "invalid"),
        ("content.sms.text", "not_allowed"),
        ("content.pigeon", "unknown_channel"),
        ("translations.pt.sms.extra", "unknown_field"),
        ("translations.de.sms.text", "syntax_error"),
    ]


def test_content_is_needed() -> None:
    assert wrong({}) == [("content", "required")]
    assert wrong({"email": EMAIL}, {"pt": {}}) == [("translations.pt", "required")]
    assert wrong({"email": "hello"}) == [("content.email", "wrong_type")]


def test_a_locale_has_one_spelling() -> None:
    with pytest.raises(TemplateProblem, match="Write the locale as pt-BR"):
        check_version({"email": EMAIL}, {"pt_br": {"email": EMAIL}})
    assert wrong({"email": EMAIL}, {"klingon!": {"email": EMAIL}}) == [("translations.klingon!", "invalid")]


def test_a_version_is_bounded() -> None:
    large = {"email": {"subject": "x", "html": "y" * 200_000}}
    found = wrong(large, dict.fromkeys(("de", "fr", "pt", "es", "it"), large))
    assert found == [("content", "too_large")]
