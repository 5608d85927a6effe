"""Does a delivery cost the same in a large campaign as in a small one, and with years of old rows beside it?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

from ops.bench.drain import Flowed
from ops.bench.results import Result
from ops.bench.stage import Stage
from ops.bench.world import BUILD
from techrar.ledger import partitions

#: CPU may differ by so much.
FLAT = 1.15
BYTES_A_ROW = 500
REPEAT = 3

OLD_ROWS = """
INSERT INTO delivery (id, due_at, flow_id, run_id, merchant_id, mode, priority, state, channel, category, address,
  account_id, attempt)
SELECT (%(time)s || '70008' || lpad(to_hex(n), 11, '0') || '0001')::uuid, now() - interval '40 days', 1, 0, 1, 1, 3, 7,
  'email', 'marketing', 'person' || n || '@example.com', 1, 1
FROM generate_series(%(first)s, %(last)s) AS n
"""


def run(stage: Stage) -> Iterator[Result]:
    large = stage.kept.get("one") or stage.campaign(stage.one, stage.size.one, "campaign")
    small = [stage.campaign(stage.one, stage.size.small, "small campaign") for _ in range(REPEAT)]
    cheapest = min(flowed.cpu for flowed in small if flowed.cpu)
    yield Result(
        f"cost of {stage.size.one:,} beside {stage.size.small:,}".replace(",", " "),
        large.cpu / cheapest, "×", at_most=FLAT, note=_cpu(cheapest, large),
    )  # fmt: skip
    with_none = stage.campaign(stage.one, stage.size.one, "campaign without old rows")
    stage.world.clear()
    _make_old_rows(stage)
    with_many = _campaign_beside_old_rows(stage)
    stage.world.clear()
    yield Result(
        f"cost beside {stage.size.old:,} old rows".replace(",", " "),
        with_many.cpu / with_none.cpu, "×", at_most=FLAT, note=_cpu(with_none.cpu, with_many),
    )  # fmt: skip


def _make_old_rows(stage: Stage) -> None:
    needed, free = stage.size.old * BYTES_A_ROW, shutil.disk_usage(BUILD).free
    if free < 2 * needed:
        raise RuntimeError(
            f"{stage.size.old} old rows need {needed / 1e9:.0f} GB and as much again; {free / 1e9:.0f} are free"
        )
    now = datetime.now(UTC)
    month = partitions.month_start(now, -1)
    partitions.make_ahead(stage.world.connection, now=month, ahead=0)
    time = f"{int(month.timestamp() * 1000) + 86_400_000:012x}"
    for first in range(1, stage.size.old + 1, 250_000):
        stage.say(f"old rows: {first - 1:,}".replace(",", " "))
        last = min(stage.size.old, first + 249_999)
        stage.world.connection.execute(OLD_ROWS, {"time": time, "first": first, "last": last})


def _campaign_beside_old_rows(stage: Stage) -> Flowed:
    stage.world.sink.tell("/forget")
    stage.start(stage.one, stage.size.one)
    return stage.watch(stage.size.one, "campaign beside old rows")


def _cpu(small: float, large: Flowed) -> str:
    return f"CPU {small * 1000:.0f} and {large.cpu * 1000:.0f} ms for 1 000"
