"""Does everybody get the nearest translation?"""

from __future__ import annotations

import pytest

from techrar.templating.locales import fallbacks, locale_of, localised, normalise

CONTENT = {"email": {"text": "Hello"}, "sms": {"text": "Hi"}}
TRANSLATIONS = {
    "pt": {"email": {"text": "Olá"}, "sms": {"text": "Oi"}},
    "pt-BR": {"sms": {"text": "E aí"}},
}


@pytest.mark.parametrize(
    ("given", "spelled"),
    [
        ("pt-BR", "pt-BR"),
        ("pt_br", "pt-BR"),
        (" EN ", "en"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("", None),
        ("english", None),
        ("en-", None),
        ("e1", None),
        ("en-US-x-y", None),
    ],
)
def test_a_tag_has_one_spelling(given: str, spelled: str | None) -> None:
    assert normalise(given) == spelled


def test_fallbacks_go_from_particular_to_general() -> None:
    assert fallbacks("zh_Hant_TW") == ["zh-Hant-TW", "zh-Hant", "zh"]
    assert fallbacks("nonsense!") == []


def test_each_channel_takes_the_nearest_locale_that_has_it() -> None:
    assert localised(CONTENT, TRANSLATIONS, "pt-BR") == {"email": {"text": "Olá"}, "sms": {"text": "E aí"}}
    assert localised(CONTENT, TRANSLATIONS, "pt-PT") == {"email": {"text": "Olá"}, "sms": {"text": "Oi"}}
    assert localised(CONTENT, TRANSLATIONS, "fr") == CONTENT
    assert localised(CONTENT, TRANSLATIONS, "") == CONTENT


def test_it_can_be_said_which_locale_that_was() -> None:
    assert locale_of("email", TRANSLATIONS, "pt-BR") == "pt"
    assert locale_of("sms", TRANSLATIONS, "pt-BR") == "pt-BR"
    assert locale_of("sms", TRANSLATIONS, "fr") == ""
