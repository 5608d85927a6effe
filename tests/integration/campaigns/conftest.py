from __future__ import annotations

import pytest

from tests.support.campaigns import House
from tests.support.ledger import Ledger, ledger

__all__ = ["ledger"]


@pytest.fixture
def house(transactional_db: None, ledger: Ledger) -> House:  # pytest's way
    return House(ledger.connection)
