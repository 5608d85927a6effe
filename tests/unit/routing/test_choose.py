"""Which account does a delivery go through?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.testing import NOW
from techrar.core.mode import Mode
from techrar.routing.accounts import Account
from techrar.routing.choose import PROBE_EVERY, Ranking, another, choose, point_of, rank, route_of
from techrar.routing.health import Health, State


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
        "rate_limit": None,
        "price_micros": 0,
        "prefixes": (),
        "updated_at": NOW,
    }
    return Account(**given | fields)


def chosen(*accounts: Account, **known: Any) -> int | None:
    choice = choose(ranking(*accounts, **known))
    return choice.account.id if choice else None


def ranking(*accounts: Account, urgent: bool = False, address: str = "ann@example.com", **known: Any) -> Ranking:
    route = route_of(accounts, channel="email", address=address)
    return rank(accounts, channel="email", urgent=urgent, route=route, health=known.get("health"))


def split(made: Ranking, count: int = 10_000, **options: Any) -> Counter[int]:
    found = (choose(made, point=point_of(UUID(int=(7 << 80) + n)), **options) for n in range(count))
    return Counter(choice.account.id for choice in found if choice)


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


def test_every_place_says_why() -> None:
    made = ranking(account(1), account(2), account(3, position=2), account(4, enabled=False))
    assert [[c.account.id for c in place.choices] for place in made] == [[1], [2, 3]]
    assert [place.choices[0].reason for place in made] == [
        "first in order, the cheapest that is reliable",
        "next in order, the cheapest that is reliable, by weight",
    ]
    routed = ranking(account(1, prefixes=("ann",)), account(2))
    assert routed[0].choices[0].reason == "first in order, for this route, the cheapest that is reliable"
    assert ranking(account(1), urgent=True)[0].choices[0].reason == "first in order, the most reliable"


def test_nothing_to_choose_from_is_no_choice() -> None:
    assert chosen() is None


@pytest.mark.parametrize(
    ("urgent", "expected"),
    [(False, 1), (True, 2)],
)
def test_what_is_urgent_goes_the_reliable_way_and_the_rest_the_cheap_one(urgent: bool, expected: int) -> None:
    cheap, good = account(1, position=0, price_micros=5), account(2, position=0, price_micros=9)
    health = {1: Health(State.CLOSED, 0.96), 2: Health(State.CLOSED, 1.0)}
    assert chosen(cheap, good, urgent=urgent, health=health) == expected


def test_an_unreliable_account_is_no_bargain() -> None:
    cheap, good = account(1, position=0, price_micros=5), account(2, position=0, price_micros=9)
    assert chosen(cheap, good, health={1: Health(State.CLOSED, 0.9)}) == 2


def test_traffic_is_split_by_weight_and_a_delivery_stays_where_it_was() -> None:
    made = ranking(account(1, position=0, weight=95), account(2, position=0, weight=5))
    assert split(made)[2] == pytest.approx(500, abs=75)
    same = {choose(made, point=point_of(UUID(int=42))) for _ in range(20)}
    assert len(same) == 1


def test_the_longest_prefix_wins_and_an_account_with_prefixes_serves_nobody_else() -> None:
    saudi = account(1, prefixes=("+966",))
    mobile = account(2, prefixes=("+9665", "+971"))
    world = account(3)
    for address, expected in (("+966511", 2), ("+966111", 1), ("+97150", 2), ("+44123", 3)):
        assert chosen(saudi, mobile, world, address=address) == expected
    assert chosen(saudi, address="+44123") is None


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (State.CLOSED, State.CLOSED, 1),
        (State.OPEN, State.CLOSED, 2),
        (State.SLOW, State.CLOSED, 2),
        (State.HALF_OPEN, State.CLOSED, 2),
        (State.OPEN, State.SLOW, 2),
        (State.SLOW, State.OPEN, 1),
        (State.OPEN, State.HALF_OPEN, 2),
        (State.OPEN, State.OPEN, 1),
    ],
)
def test_where_it_goes_when_accounts_fail(first: State, second: State, expected: int) -> None:
    assert chosen(account(1), account(2), health={1: Health(first), 2: Health(second)}) == expected


def test_the_account_that_failed_it_last_is_avoided_while_another_is_well() -> None:
    for second, expected in ((State.CLOSED, 2), (State.OPEN, 1), (State.SLOW, 1)):
        choice = choose(ranking(account(1), account(2), health={2: Health(second)}), tried=1)
        assert choice is not None
        assert choice.account.id == expected


def test_an_account_that_comes_back_gets_the_probes() -> None:
    turns = count()
    made = ranking(account(1), account(2), health={1: Health(State.HALF_OPEN)})
    assert split(made, 100, probe=lambda: next(turns) % PROBE_EVERY == 0) == {1: 10, 2: 90}
    assert split(ranking(account(1), health={1: Health(State.HALF_OPEN)}), 100) == {1: 100}, "there is no other way"


ACCOUNTS = st.lists(
    st.builds(
        account,
        st.just(0),
        position=st.integers(0, 2),
        weight=st.integers(0, 9),
        price_micros=st.integers(0, 2),
        enabled=st.booleans(),
        paused_reason=st.sampled_from(["", "paused"]),
        channel=st.sampled_from(["email", "sms"]),
        prefixes=st.sampled_from([(), ("a",), ("ann", "b")]),
    ),
    max_size=6,
)


@given(ACCOUNTS, st.lists(st.sampled_from(State), min_size=6, max_size=6), st.uuids(), st.booleans(), st.integers(0, 6))
def test_whatever_is_there_one_that_may_is_chosen_and_the_best_of_them(
    made: list[Account], states: list[State], delivery: UUID, urgent: bool, tried: int
) -> None:
    accounts = [replace(a, id=n, provider="smtp") for n, a in enumerate(made)]
    health = {n: Health(state) for n, state in enumerate(states)}
    found = ranking(*accounts, urgent=urgent, health=health)
    choice = choose(found, point=point_of(delivery), tried=tried)
    may = [
        a
        for a in accounts
        if a.usable
        and a.channel == "email"
        and (not a.prefixes or any("ann@example.com".startswith(p) for p in a.prefixes))
    ]
    assert (choice is None) == (not may)
    assert sum(len(place.choices) for place in found) == len(may), "each has its place, once"
    if choice:
        assert choice.account in may
        well = [a for a in may if health[a.id].state is State.CLOSED and a.id != tried]
        assert not well or choice.account in well
        assert another(found, besides=tried) == bool(well)
