"""Does the service come through `make chaos QUICK=1`? On servers of its own, since it breaks them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ops.chaos.processes import ROOT

pytestmark = [pytest.mark.chaos, pytest.mark.rabbitmq, pytest.mark.timeout(900)]


def test_nothing_is_lost_doubled_or_denied_while_things_break() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops.chaos", "--quick"],
        cwd=ROOT, capture_output=True, text=True, timeout=880, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all is well" in done.stdout
