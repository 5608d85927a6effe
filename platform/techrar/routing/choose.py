"""Which account does a delivery go through?

Pure, and it explains itself: accounts and what is known of their health go in, a ranking comes out, with a reason for
each place. `rank` orders the accounts of a channel once for many deliveries, `choose` picks one of them for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from techrar.routing.accounts import Account
from techrar.routing.health import HEALTHY, Health, State

#: Below this share of successes an account is no bargain, whatever it costs.
RELIABILITY_FLOOR = 0.95
#: Of the traffic that another account can take, one in so many deliveries tries an account that is coming back.
PROBE_EVERY = 10

#: How little it helps to send through it when nothing better is there.
_FORLORN = {State.CLOSED: 0, State.HALF_OPEN: 1, State.SLOW: 2, State.OPEN: 3}
_MIX, _TOP = 0x9E3779B97F4A7C15, (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Choice:
    account: Account
    reason: str  #: one phrase
    state: State = State.CLOSED


@dataclass(frozen=True, slots=True)
class Place:
    """Accounts that nothing but their weights tells apart."""

    choices: tuple[Choice, ...]
    weights: tuple[int, ...]

    def order(self, point: int) -> tuple[Choice, ...]:
        """From the one whose part of the line a point lies in, and on round."""
        point %= sum(self.weights)
        for start, weight in enumerate(self.weights):
            if point < weight:
                return self.choices[start:] + self.choices[:start]
            point -= weight
        raise AssertionError("a point beyond the end of its own line")


Ranking = tuple[Place, ...]


def route_of(accounts: Sequence[Account], *, channel: str, address: str) -> str:
    """The longest prefix any account of the channel has for this address; empty where none has one."""
    found = [p for a in accounts if a.channel == channel for p in a.prefixes if address.startswith(p)]
    return max(found, key=len, default="")


def rank(
    accounts: Sequence[Account],
    *,
    channel: str,
    urgent: bool,
    route: str = "",
    health: Mapping[int, Health] | None = None,
) -> Ranking:
    """All that can be used, best first. An account with prefixes serves no other addresses."""
    known = health or {}
    rated = []
    for account in accounts:
        reach = max((len(p) for p in account.prefixes if route.startswith(p)), default=0)
        if account.channel != channel or not account.usable or (account.prefixes and not reach):
            continue
        seen = known.get(account.id, HEALTHY)
        rated.append((_merit(account, seen, reach, urgent=urgent), account, seen))
    rated.sort(key=lambda entry: (entry[0], entry[1].id))
    ranking: list[Place] = []
    for merit, group in groupby(rated, key=lambda entry: entry[0]):
        together = list(group)
        why = _reason(merit, first=not ranking, urgent=urgent, shared=len(together) > 1)
        choices = tuple(Choice(account, why, seen.state) for _, account, seen in together)
        ranking.append(Place(choices, tuple(max(1, c.account.weight) for c in choices)))
    return tuple(ranking)


def choose(
    ranking: Ranking, *, point: int = 0, probe: Callable[[], bool] = lambda: False, tried: int | None = None
) -> Choice | None:
    """The best for one delivery: not the one that failed it last where another is well, and seldom one coming back.

    Where no other is well it is the least forlorn: that one, one coming back, a slow one, one that has to rest.
    """
    spare: Choice | None = None
    for place in ranking:
        for choice in place.choices if len(place.choices) == 1 else place.order(point):
            new = choice.account.id != tried
            if new and (choice.state is State.CLOSED or (choice.state is State.HALF_OPEN and probe())):
                return choice
            if spare is None or _FORLORN[choice.state] < _FORLORN[spare.state]:
                spare = choice
    return spare


def another(ranking: Ranking, *, besides: int) -> bool:
    """Is there one that is well, besides this one?"""
    return any(
        choice.state is State.CLOSED and choice.account.id != besides for place in ranking for choice in place.choices
    )


def point_of(delivery: UUID) -> int:
    """The same for the same delivery, and spread evenly whatever order ids are made in."""
    value = delivery.int
    return ((value ^ value >> 64) * _MIX & _TOP) >> 32


def _merit(account: Account, seen: Health, reach: int, *, urgent: bool) -> tuple[float, ...]:
    """Smaller is better. In whole percents, so that one failure among hundreds does not move all the traffic."""
    reliable = round(seen.reliability * 100)
    if urgent:
        return (-reach, account.position, -reliable, account.price_micros)
    return (-reach, account.position, reliable < RELIABILITY_FLOOR * 100, account.price_micros)


def _reason(merit: tuple[float, ...], *, first: bool, urgent: bool, shared: bool) -> str:
    words = ["first in order" if first else "next in order"]
    if merit[0]:
        words.append("for this route")
    words.append("the most reliable" if urgent else "the cheapest that is reliable")
    if shared:
        words.append("by weight")
    return ", ".join(words)
