"""Which brake holds for whom?"""

from __future__ import annotations

import pytest

from techrar.ledger.flows import Brake, strictest

EVERYTHING = Brake("installation", "", 500)
MERCHANT = Brake("merchant", "7", 100)
STOPPED_EMAIL = Brake("channel", "email", 0)


@pytest.mark.parametrize(
    ("brakes", "rate"),
    [
        ([], None),
        ([EVERYTHING], 500),
        ([EVERYTHING, MERCHANT], 100),
        ([EVERYTHING, MERCHANT, STOPPED_EMAIL], 0),
        ([Brake("merchant", "8", 1)], None),
        ([Brake("merchant", "77", 1)], None),
        ([Brake("channel", "sms", 0)], None),
        ([Brake("channel", "", 0)], None),
        ([Brake("merchant", "", 0)], None),
        ([Brake("installation", "7", 1)], None),
    ],
)
def test_the_lowest_rate_that_names_this_merchant_or_channel_holds(brakes: list[Brake], rate: int | None) -> None:
    assert strictest(brakes, merchant_id=7, channel="email") == rate
    assert strictest(reversed(brakes), merchant_id=7, channel="email") == rate
