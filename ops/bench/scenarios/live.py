"""How late does a thousand people's page show what a consumer has just written, while the campaign runs?

Beside the real campaign's own flushes, one delivery at a time is moved as a flush moves it, and announced as a
consumer announces it; the clock runs from that commit until each socket has got a message that counts it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import uvloop

from ops.bench import campaigns, processes
from ops.bench.lookers import Crowd
from ops.bench.results import Result
from ops.bench.stage import Stage, free_port
from ops.bench.world import BUILD, Merchant
from ops.local.ports import LOOPBACK
from techrar.campaigns.models import Run
from techrar.core.files import many_files
from techrar.core.mode import Mode
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.states import State
from techrar.live.ping import ping
from techrar.merchants import services, tokens
from techrar.merchants.scopes import Scope

SOCKETS = 1_000
KEYS = 25  #: one key's tokens may open only so many
PROBES, FEWEST, PAUSE = 40, 8, 0.25
LAST = "SELECT id FROM delivery WHERE run_id = %s ORDER BY id DESC LIMIT %s"


def run(stage: Stage) -> Iterator[Result]:
    stage.world.clear()
    port = free_port()
    with processes.running({"live": processes.live(port)}, BUILD):
        processes.wait_for_web(port)
        campaigns.fill(stage.world, stage.one, stage.size.one)
        launched = campaigns.launch(stage.one, stage.size.one)
        campaigns.wait_until_written(stage.world.connection, launched)
        many_files()
        stage.say("looking at a campaign")
        web = f"http://{LOOPBACK}:{port}"
        crowd = Crowd(web, str(launched.campaign_id), _tokens(stage.one))
        late, probes, rate = uvloop.run(_looked_at(stage, launched, crowd))
        stage.watch(stage.size.one - probes, "campaign that a thousand look at")
    note = f"{SOCKETS} sockets, {probes} flushes, {rate:.0f} messages/s; median {late[len(late) // 2] * 1000:.0f} ms"
    p99 = late[min(len(late) - 1, int(len(late) * 0.99))]
    yield Result("live page beside its campaign, p99", p99 * 1000, "ms", at_most=500, note=note)


async def _looked_at(stage: Stage, launched: Run, crowd: Crowd) -> tuple[list[float], int, float]:
    """How late each flush was seen by each, shortest first; how many flushes; and messages a second."""
    try:
        await crowd.come(SOCKETS)
        probes = [row[0] for row in stage.world.connection.execute(LAST, (launched.id, PROBES))]
        campaigns.release(stage.world.connection, launched)
        began, before = time.monotonic(), crowd.messages
        late: list[float] = []
        done = 0
        for identifier in probes:
            await asyncio.sleep(PAUSE)
            move = Move(identifier, State.CANCELLED, kind="cancelled", reason="probe")
            if not stage.world.connection.execute(APPLY, parameters([move], shard=0)).fetchall():
                break  # the campaign has come so far
            at, done = time.monotonic(), done + 1
            ping([(launched.merchant_id, launched.id)])
            late += [seen - at for seen in await crowd.see(done)]
        rate = (crowd.messages - before) / (time.monotonic() - began)
    finally:
        crowd.leave()
    if done < FEWEST:
        raise RuntimeError(f"the campaign was over after {done} flushes; {FEWEST} are wanted")
    return sorted(late), done, rate


def _tokens(merchant: Merchant) -> list[str]:
    now = datetime.now(UTC)
    where: dict[str, Any] = {"merchant_id": merchant.id, "mode": Mode.LIVE}
    keys = [
        services.create_key(**where, name="looker", scopes=[Scope.READ], actor=campaigns.ACTOR, now=now)
        for _ in range(KEYS)
    ]
    scopes = frozenset({Scope.READ.value})
    return [
        tokens.issue(public_id=key.row.public_id, scopes=scopes, seconds=tokens.MAX_SECONDS, now=now) for key in keys
    ]
