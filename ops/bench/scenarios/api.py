"""How many sends does the API accept, beside the least that a Django view with one INSERT can do?"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ops.bench import load, processes
from ops.bench.results import Result
from ops.bench.stage import Stage, free_port
from ops.bench.world import BUILD
from ops.local.ports import LOOPBACK

SEND = {
    "to": {"email": "ann@example.com"}, "channels": ["email"], "template": "order", "category": "marketing",
    "data": {"name": "Ann", "order": 7, "city": "Jeddah"}, "scheduled_at": "2099-01-01T00:00:00Z",
}  # fmt: skip
BATCH = 1_000
BARE_TABLE = "DROP TABLE IF EXISTS bare_send; CREATE TABLE bare_send (id uuid PRIMARY KEY, request jsonb NOT NULL)"


def run(stage: Stage) -> Iterator[Result]:
    """What is accepted is due in the far future, so that only accepting is measured."""
    stage.world.clear()
    seconds, headers = stage.size.requests, {"Authorization": f"Bearer {stage.one.key}"}
    least = _bare(stage, seconds)
    stage.say("accepting sends, one a request")
    one = load.Load(f"{stage.web}/v1/notifications", json.dumps(SEND), headers, seconds=seconds)
    most = _checked(load.run(one))
    yield Result(
        "POST /v1/notifications", most.rate, "1/s", least.rate, 0.6, note=f"p99 {most.p99 * 1000:.0f} ms at most"
    )
    half = load.Load(one.url, one.body, headers, seconds=seconds, rate=most.rate / 2)
    calm = _checked(load.run(half))
    yield Result("the same at half that rate, p99", calm.p99 * 1000, "ms", at_most=50, note=f"{calm.rate:.0f}/s")
    stage.say("accepting sends, a thousand a request")
    shared = {key: value for key, value in SEND.items() if key not in {"to", "data"}}
    messages = [
        {"to": {"email": f"ann{n}@example.com"}, "data": {"name": "Ann", "order": n, "city": "Jeddah"}}
        for n in range(BATCH)
    ]
    body = json.dumps({"defaults": shared, "messages": messages})
    many = _checked(load.run(load.Load(f"{one.url}/batch", body, headers, connections=4, seconds=max(seconds, 4.0))))
    yield Result("POST /v1/notifications/batch", many.rate * BATCH, "recipients/s", at_least=20_000)


def _bare(stage: Stage, seconds: float) -> load.Answered:
    stage.say("floor of the API")
    port = free_port()
    stage.world.connection.execute(BARE_TABLE)
    with processes.running({"bare web": processes.web("ops.bench.bare:application", port)}, BUILD):
        processes.wait_for_web(port)
        return _checked(load.run(load.Load(f"http://{LOOPBACK}:{port}/send", json.dumps(SEND), {}, seconds=seconds)))


def _checked(answered: load.Answered) -> load.Answered:
    if answered.refused:
        raise RuntimeError(f"{answered.refused} requests were refused")
    return answered
