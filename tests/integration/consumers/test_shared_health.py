"""What do processes tell each other about an account, and what when Valkey is away?"""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from consumers.engine.work import Account
from consumers.handlers.shared_health import SharedHealth
from techrar.routing.budget import Budget
from techrar.routing.health import State
from tests.support.engine import Vendor


class Routes:
    """What one process uses."""

    def __init__(self, number: int) -> None:
        self.account = Account(number, Vendor(), "vendor", "", 5, budget=Budget(100, time.monotonic()))
        self.news = 0

    def in_use(self) -> list[tuple[int | None, Account]]:
        return [(100, self.account)]

    def changed(self) -> None:
        self.news += 1


@pytest.fixture
def number() -> int:
    return uuid4().int % 10**12


async def test_a_breaker_that_opens_in_one_process_opens_in_all_and_they_share_the_rate(
    redis_url: str, number: int
) -> None:
    routes = [Routes(number), Routes(number)]
    shared = [SharedHealth(redis_url, r, process=f"process {n}") for n, r in enumerate(routes)]  # type: ignore[arg-type]
    try:
        for _ in range(3):
            routes[0].account.breaker.record(0, 1, 0.0, time.monotonic())
        await shared[0].once()
        await shared[1].once()
        assert routes[1].account.breaker.look(time.monotonic()) is State.OPEN
        assert routes[1].news == 1
        assert routes[1].account.budget.rate == 50
        await shared[0].once()
        assert routes[0].account.budget.rate == 50
        assert routes[0].news == 0, "its own word is no news"
    finally:
        for one in shared:
            await one.valkey.aclose()


async def test_without_valkey_each_process_goes_on_by_itself_and_says_so_once(
    number: int, caplog: pytest.LogCaptureFixture
) -> None:
    routes = Routes(number)
    shared = SharedHealth("redis://127.0.0.1:9/0", routes, process="process")  # type: ignore[arg-type]
    await shared.once()
    await shared.once()
    await shared.valkey.aclose()
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert routes.account.budget.rate == 100
