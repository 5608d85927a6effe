"""How is each field of a recipient brought into its one spelling?

What a merchant writes about a person is checked here and nowhere else, whether it comes one by one or in bulk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import orjson

from providers.registry import channels
from techrar.core.errors import FieldError
from techrar.core.validation import invalid_fields
from techrar.templating import locales

MOST_ATTRIBUTE_BYTES = 32 * 1024


def normalise(given: Mapping[str, Any]) -> dict[str, Any]:
    """The given fields in their one spelling; raise `Invalid` with every field that has none. None empties a field."""
    errors: list[FieldError] = []
    spelled = dict(given)
    for name, rule in _rules().items():
        if spelled.get(name) is None:
            continue
        try:
            spelled[name] = rule(spelled[name])
        except ValueError as error:
            errors.append(FieldError(name, "invalid", str(error)))
    if errors:
        raise invalid_fields(tuple(errors))
    return spelled


@cache
def _rules() -> dict[str, Callable[[Any], Any]]:
    addresses = {c.address_field: c.normalise for c in channels().values() if c.address_field in ("email", "phone")}
    return addresses | {"locale": _locale, "timezone": _timezone, "country": _country, "attributes": _attributes}


def _locale(text: str) -> str:
    spelled = locales.normalise(text)
    if spelled is None:
        raise ValueError("Must be a language tag such as de or pt-BR.")
    return spelled


def _timezone(text: str) -> str:
    if text not in _zones():
        raise ValueError("Must be an IANA time zone such as Europe/Berlin.")
    return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _country(text: str) -> str:
    if len(text) != 2 or not (text.isascii() and text.isalpha()):
        raise ValueError("Must be a country's two letters, such as DE.")
    return text.upper()


def _attributes(value: Mapping[str, Any]) -> Mapping[str, Any]:
    size = len(orjson.dumps(value))
    if size > MOST_ATTRIBUTE_BYTES:
        raise ValueError(f"The attributes come to {size:,} bytes; at most {MOST_ATTRIBUTE_BYTES:,} are kept.")
    return value
