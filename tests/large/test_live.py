"""A thousand sockets on one campaign, at a real server: everybody sees each flush within half a second."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.bench.lookers import Crowd
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.states import State
from techrar.live.ping import ping
from techrar.merchants import tokens
from tests.factories import make_key
from tests.support.campaigns import House
from tests.support.daphne import daphne
from tests.support.ledger import Ledger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
SOCKETS, KEYS, FLUSHES, SOON = 1_000, 25, 5, 0.5


@pytest.fixture
def house(transactional_db: None, ledger: Ledger) -> House:
    return House(ledger.connection)


def tokens_of(house: House) -> list[str]:
    now, read = datetime.now(UTC), frozenset({"read"})
    made = [make_key(house.merchant, scopes=read).row for _ in range(KEYS)]
    return [tokens.issue(public_id=key.public_id, scopes=read, seconds=300, now=now) for key in made]


def test_a_thousand_see_each_flush_within_half_a_second(house: House, ledger: Ledger, tmp_path: Path) -> None:
    house.fill(100)
    house.template()
    campaign = house.draft()
    run = house.launch(campaign)
    house.expand()
    waiting = [row.id for row in ledger.all("SELECT id FROM delivery ORDER BY id")]
    handed_out = tokens_of(house)

    async def look(web: str) -> list[float]:
        crowd, late = Crowd(web, str(campaign.id), handed_out), []
        await crowd.come(SOCKETS)
        for n in range(FLUSHES):
            await asyncio.sleep(0.3)
            move = Move(waiting[n], State.CANCELLED, kind="cancelled")
            house.connection.execute(APPLY, parameters([move], shard=0))
            at = time.monotonic()
            ping([(run.merchant_id, run.id)])
            late += [seen - at for seen in await crowd.see(n + 1)]
        crowd.leave()
        return sorted(late)

    with daphne(tmp_path) as web:
        late = asyncio.run(look(web))
    assert len(late) == SOCKETS * FLUSHES
    assert late[int(len(late) * 0.99)] <= SOON, f"median {late[len(late) // 2]:.3f} s, worst {late[-1]:.3f} s"
