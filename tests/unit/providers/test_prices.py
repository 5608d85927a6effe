"""Does the longest prefix of a number decide what it costs?"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from providers.prices import Prices, cost
from providers.sms.twilio import TwilioSms
from techrar.core.validation import field_errors

PRICES = Prices(currency="EUR", micros={"": 90_000, "1": 7_900, "44": 40_000, "447": 35_000, "90": 0})


@pytest.mark.parametrize(
    ("number", "micros"),
    [
        ("+12025550123", 7_900),
        ("+447700900123", 35_000),
        ("+442079460123", 40_000),
        ("+33612345678", 90_000),
        ("+905551234567", 0),
    ],
)
def test_the_longest_prefix_counts(number: str, micros: int) -> None:
    assert cost(PRICES, number) == (micros, "EUR")


def test_every_unit_is_paid() -> None:
    assert cost(PRICES, "+12025550123", 3) == (23_700, "EUR")


def test_a_number_without_a_price_has_no_known_cost() -> None:
    prices = Prices(currency="USD", micros={"44": 40_000})
    assert cost(prices, "+12025550123") == cost(None, "+442079460123") == (0, "")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"currency": "usd", "micros": {"1": 1}}, "prices.currency"),
        ({"currency": "USD", "micros": {"+1": 1}}, "prices.micros.+1"),
        ({"currency": "USD", "micros": {"x": 1}}, "prices.micros.x"),
        ({"currency": "USD", "micros": {"1": -1}}, "prices.micros.1"),
        ({"currency": "USD", "micros": {"1": 0.5}}, "prices.micros.1"),
        ({"micros": {"1": 1}}, "prices.currency"),
    ],
)
def test_a_wrong_price_list_is_named_field_by_field(given: dict[str, Any], field: str) -> None:
    config = {"account_sid": "AC" + "0" * 32, "auth_token": "t", "sender": "+12025550100", "prices": given}
    with pytest.raises(ValidationError) as caught:
        TwilioSms.Config.model_validate(config)
    (error,) = field_errors(caught.value.errors(), model=TwilioSms.Config)
    assert error.field == field
    assert error.message.endswith(".")
