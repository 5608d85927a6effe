"""What does a message to this number cost?

A merchant writes down what the vendor's contract says: millionths of a currency, by the digits that numbers begin
with. The longest prefix that fits counts; a number that none fits has no known cost.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from providers.base import ProviderConfig

UNKNOWN = (0, "")


def _prefix(text: str) -> str:
    if not re.fullmatch(r"([1-9][0-9]{0,14})?", text):
        raise ValueError("A prefix is the first digits of a number without the +, such as 44; empty for all others.")
    return text


class Prices(ProviderConfig):
    currency: str = Field(pattern="^[A-Z]{3}$", description="Three letters: USD.", examples=["USD"])
    micros: dict[Annotated[str, AfterValidator(_prefix)], Annotated[int, Field(ge=0, le=10**12)]] = Field(
        description="Millionths of the currency by the first digits of a number; the longest that fits counts.",
        examples=[{"1": 7_900, "44": 42_000, "": 60_000}],
    )


def cost(prices: Prices | None, number: str, units: int = 1) -> tuple[int, str]:
    """Millionths and their currency, for an E.164 number."""
    if prices is None:
        return UNKNOWN
    digits = number.removeprefix("+")
    for length in range(len(digits), -1, -1):
        price = prices.micros.get(digits[:length])
        if price is not None:
            return price * units, prices.currency
    return UNKNOWN
