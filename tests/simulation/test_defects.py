"""Is each planted defect found, and soon?"""

from __future__ import annotations

import pytest

from tests.simulation.defects import DEFECTS
from tests.simulation.history import run
from tests.simulation.server import Server

WITHIN = 60


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_found(server: Server, defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    DEFECTS[defect](monkeypatch)
    assert any(run(server, seed).wrong for seed in range(WITHIN)), f"{WITHIN} histories did not notice: {defect}"
