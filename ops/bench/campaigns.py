"""Real campaigns for the bench: an audience of any size, and a run that is written before its first message leaves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from psycopg import Connection

from ops.bench.world import Merchant, World
from techrar.campaigns import services
from techrar.campaigns.models import Run
from techrar.core.mode import Mode
from techrar.dispatch.sql import CHANNEL
from techrar.ledger.flows import FlowState
from techrar.merchants.services import Actor

ACTOR = Actor("system:bench")
PATIENCE = 600.0

FILL = """
INSERT INTO recipient (merchant_id, mode, external_id, email, name, country, last_login_at, attributes)
SELECT %(merchant)s, %(mode)s, 'cust_' || n, 'person' || n || '@example.com', 'Person ' || n,
  CASE n %% 2 WHEN 0 THEN 'SA' ELSE 'AE' END, now() - (n %% 100) * interval '1 day',
  jsonb_build_object('city', CASE n %% 3 WHEN 0 THEN 'Riyadh' WHEN 1 THEN 'Jeddah' ELSE 'Dubai' END, 'order', n)
FROM generate_series(%(first)s, %(last)s) AS n
"""


def fill(world: World, merchant: Merchant, count: int) -> None:
    """Recipients number 1 to `count`, those that are not there yet."""
    where = {"merchant": merchant.id, "mode": Mode.LIVE.code}
    have = world.connection.execute("SELECT count(*) FROM recipient WHERE merchant_id = %(merchant)s", where).fetchone()
    first = int(have[0]) + 1 if have else 1
    if first <= count:
        world.connection.execute(FILL, {**where, "first": first, "last": count})
        world.connection.execute("ANALYZE recipient")


def launch(merchant: Merchant, count: int, *, also: Sequence[Any] = (), variants: int = 1) -> Run:
    """To the first `count` recipients. Its flow stands still until `release`: expansion and sending are two things."""
    order = {"rule": "attribute", "name": "order", "type": "number", "op": "at_most", "value": count}
    fields = {
        "name": "Bench",
        "channel": "email",
        "category": "marketing",
        "segment": {"all": [order, *also]},
        "variants": [{"name": "AB"[n], "template": "spring", "weight": 1} for n in range(variants)],
        "data": {},
    }
    now = datetime.now(UTC)
    with transaction.atomic():
        draft = services.create(merchant_id=merchant.id, mode=Mode.LIVE, fields=fields, actor=ACTOR, now=now)
        run = services.launch(draft, actor=ACTOR, now=now)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE flow SET state = %s WHERE id = %s", (int(FlowState.PAUSED), run.flow_id))
    return run


def wait_until_written(ledger: Connection[Any], run: Run) -> int:
    """How many deliveries the dispatcher has written, once it has written all."""
    until = time.monotonic() + PATIENCE
    asked = (
        "SELECT count(*) FILTER (WHERE done_at IS NULL), COALESCE(sum(planned), 0)::bigint FROM chunk WHERE run_id = %s"
    )
    while True:
        row = ledger.execute(asked, (run.id,)).fetchone()
        assert row is not None
        if row[0] == 0:
            return int(row[1])
        if time.monotonic() > until:
            raise RuntimeError(f"run {run.id} is not expanded after {PATIENCE:.0f} s: {row[0]} chunks are left")
        time.sleep(0.05)


def release(ledger: Connection[Any], run: Run) -> None:
    """Let it go."""
    ledger.execute("UPDATE flow SET state = %s WHERE id = %s", (int(FlowState.ACTIVE), run.flow_id))
    ledger.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(run.flow_id)))
