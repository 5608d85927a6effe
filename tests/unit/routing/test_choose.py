"""Which account does a delivery go through?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.testing import NOW
from techrar.core.mode import Mode
from techrar.routing.accounts import Account
from techrar.routing.choose import choose


def account(number: int, **fields: Any) -> Account:
    given: dict[str, Any] = {
        "id": number,
        "merchant_id": 1,
        "mode": Mode.LIVE,
        "channel": "email",
        "provider": "smtp",
        "name": f"Account {number}",
        "token": f"token-{number}",
        "sealed": b"",
        "sandbox": False,
        "position": number,
        "weight": 1,
        "enabled": True,
        "paused_reason": "",
        "concurrency": None,
        "updated_at": NOW,
    }
    return Account(**given | fields)


def chosen(*accounts: Account) -> int | None:
    choice = choose(accounts, channel="email")
    return choice.account.id if choice else None


def test_the_first_in_the_merchants_order_is_chosen() -> None:
    assert chosen(account(1, position=5), account(2, position=3), account(3, position=9)) == 2


def test_of_two_in_the_same_place_the_older_one_is_chosen() -> None:
    assert chosen(account(8, position=0), account(7, position=0)) == 7


@pytest.mark.parametrize(
    "unusable",
    [
        {"enabled": False},
        {"paused_reason": "the credentials were refused"},
        {"provider": "no_longer_installed"},
        {"channel": "sms"},
        {"mode": Mode.TEST},  # a real vendor in test mode
    ],
)
def test_one_that_cannot_be_used_is_passed_over(unusable: dict[str, Any]) -> None:
    assert chosen(account(1, **unusable), account(2)) == 2
    assert chosen(account(1, **unusable)) is None


def test_in_test_mode_the_sandbox_is_chosen_whatever_else_is_there() -> None:
    real, sandbox = account(1, mode=Mode.TEST), account(2, mode=Mode.TEST, provider="sandbox", sandbox=True)
    assert chosen(real, sandbox) == 2


def test_the_choice_says_why() -> None:
    first = choose([account(1), account(2)], channel="email")
    second = choose([account(1, enabled=False), account(2)], channel="email")
    assert first is not None
    assert second is not None
    assert (first.reason, second.reason) == ("first in order", "first in order that can be used now")


def test_nothing_to_choose_from_is_no_choice() -> None:
    assert choose([], channel="email") is None
