"""How fast does an audience become deliveries, beside the bare INSERT of the same rows?"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ops.bench import campaigns
from ops.bench.results import Result
from ops.bench.stage import Stage
from techrar.campaigns.expansion import Expansion

#: One in fifty is suppressed, and the segment leaves out one in ten.
SUPPRESS = """
INSERT INTO suppression (merchant_id, mode, channel, address, reason)
SELECT merchant_id, mode, 'email', email, 'manual' FROM recipient WHERE merchant_id = %s AND id %% 50 = 0
ON CONFLICT DO NOTHING
"""
ACTIVE = {"rule": "last_login", "op": "less_than", "days": 90}


def run(stage: Stage) -> Iterator[Result]:
    stage.world.clear()
    connection, size = stage.world.connection, stage.size.audience
    stage.say("expansion: making an audience")
    campaigns.fill(stage.world, stage.other, size)
    connection.execute(SUPPRESS, (stage.other.id,))
    connection.execute("ANALYZE suppression")
    with _standing_still(stage.pids["dispatcher"]):
        campaigns.launch(stage.other, size, also=[ACTIVE], variants=2)
        stage.say("expansion: writing deliveries")
        began, written = time.perf_counter(), 0
        expansion = Expansion(connection)
        while done := expansion.one():
            written += done.planned
        took = time.perf_counter() - began
        bare = _bare(stage)
        stage.world.clear()
    yield Result(
        "expansion: segment, suppression, variants", size / took, "recipients/s", size / bare, 0.7,
        note=f"{written} deliveries of {size} recipients",
    )  # fmt: skip


def _bare(stage: Stage) -> float:
    """Seconds to insert the same rows once more, with nothing to decide."""
    connection = stage.world.connection
    connection.execute("DROP TABLE IF EXISTS bench_copy")
    connection.execute("CREATE UNLOGGED TABLE bench_copy AS SELECT * FROM delivery ORDER BY id")
    connection.execute("TRUNCATE delivery")
    began = time.perf_counter()
    connection.execute("INSERT INTO delivery SELECT * FROM bench_copy")
    took = time.perf_counter() - began
    connection.execute("DROP TABLE bench_copy")
    return took


@contextmanager
def _standing_still(pid: int) -> Iterator[None]:
    """The dispatcher would take chunks, too: what is measured is one writer."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
