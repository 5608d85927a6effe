from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.simulation.server import Server, prepared
from tests.simulation.world import BEGINNING


@pytest.fixture(scope="session")
def simulated(dsn: str) -> Iterator[Server]:
    server = prepared(dsn, now=BEGINNING)
    yield server
    server.close()


@pytest.fixture
def server(simulated: Server) -> Iterator[Server]:
    """Histories are full of deaths: what production logs about them is no news."""
    logging.disable(logging.CRITICAL)
    yield simulated
    logging.disable(logging.NOTSET)
