from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import pytest

from techrar.campaigns.models import Campaign, Run
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.states import State
from techrar.live.groups import Watched
from tests.factories import Person
from tests.support.campaigns import House
from tests.support.ledger import Ledger, ledger

__all__ = ["ledger"]


@dataclass
class Launched:
    """Alice's campaign to thirty, and how its deliveries move without anybody sending them."""

    house: House
    campaign: Campaign
    run: Run

    @property
    def watched(self) -> Watched:
        return (self.run.merchant_id, self.run.id)

    def move(self, count: int, state: State = State.DELIVERED) -> None:
        waiting = self.house.connection.execute("SELECT id FROM delivery WHERE state = 2 ORDER BY id").fetchall()
        moves = [Move(row[0], state, kind=state.word) for row in islice(waiting, count)]
        assert len(moves) == count
        self.house.connection.execute(APPLY, parameters(moves, shard=0))


@pytest.fixture
def house(transactional_db: None, alice: Person, ledger: Ledger) -> House:  # pytest's way
    found = House(ledger.connection, alice.merchant)
    found.fill(30)
    found.template()
    return found


@pytest.fixture
def launched(house: House) -> Launched:
    campaign = house.draft(variants=[{}, {"name": "B"}])
    run = house.launch(campaign)
    house.expand()
    return Launched(house, campaign, run)
