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
    found = next((seed for seed in range(WITHIN) if run(server, seed).wrong), None)
    assert found is not None, f"{WITHIN} histories did not notice: {defect}"
    monkeypatch.undo()
    assert run(server, found).wrong == [], "this history goes wrong without the defect, too"
