"""Which account does a delivery go through? Pure: the accounts go in, a choice and its reason come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from techrar.routing.accounts import Account


@dataclass(frozen=True, slots=True)
class Choice:
    account: Account
    reason: str  #: one phrase for the timeline


def choose(accounts: Sequence[Account], *, channel: str) -> Choice | None:
    """The first usable one in the merchant's order; None when there is none to use."""
    ranked = sorted((a for a in accounts if a.channel == channel), key=lambda a: (a.position, a.id))
    usable = [account for account in ranked if account.usable]
    if not usable:
        return None
    first = usable[0]
    return Choice(first, "first in order" if first is ranked[0] else "first in order that can be used now")
