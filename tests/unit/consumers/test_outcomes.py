"""What must the ledger learn from an outcome, or from there being none?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from consumers.engine.outcomes import late, move, nowhere, parked
from consumers.engine.work import Account, Called, Held, Ready, clock
from providers.base import Message
from providers.errors import Ambiguous, Reason
from providers.messages import Capabilities
from techrar.ledger.states import State
from tests.support.engine import Vendor

ID = UUID(int=7)


class Forgetful(Vendor):
    """Drops a second call with the same delivery id."""

    capabilities = Capabilities(idempotent=True)


def held(**fields: Any) -> Held:
    row: dict[str, Any] = {"id": ID, "attempt": 0, "priority": 1, "category": "marketing", "expires_in": None}
    return Held(SimpleNamespace(**row | fields), UUID(int=1))


def ready(account: Account) -> Ready:
    return Ready(held(), Message(ID, "email", "ann@example.com", {}), account)


@pytest.mark.parametrize(("alone", "state"), [(True, State.SCHEDULED), (False, State.UNKNOWN)])
async def test_an_unclear_end_is_repeated_unmarked_only_where_no_other_vendor_could_repeat_it(
    alone: bool, state: State
) -> None:
    one = ready(Account(1, Forgetful(), "vendor", "", 5, alone=alone))
    made = move(Called(one, Ambiguous(Reason.TIMEOUT).outcome(one.message)))
    assert (made.state, made.possible_duplicate) == (state, None)


async def test_with_every_account_paused_a_message_waits_and_in_the_end_gives_up() -> None:
    steps = [nowhere(held(attempt=n), rng=lambda: 0.5) for n in range(4)]
    assert [(s.state, s.attempt, s.kind) for s in steps] == [
        *((State.SCHEDULED, n + 1, "waiting") for n in range(3)),
        (State.DEAD, 4, "dead"),
    ]
    assert {s.reason for s in steps} == {"no_usable_account"}
    assert nowhere(held(expires_in=5.0)).state is State.EXPIRED


async def test_an_account_that_rests_for_long_costs_no_attempt() -> None:
    made = parked(held(attempt=2), 600.0, rng=lambda: 0.0)
    assert (made.state, made.attempt, made.delay, made.reason) == (State.SCHEDULED, 2, 600.0, "account_rests")


async def test_time_runs_out_while_a_message_is_held() -> None:
    now = clock()
    one = held(expires_in=3.0)
    assert not one.late(now)
    assert one.late(now + 3.1)
    assert not held().late(now + 1e6)
    assert late(one).state is State.EXPIRED
