"""How long does a message wait that must not wait: idle, and while a campaign fills the machine?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from ops.bench.results import Result
from ops.bench.sink import entries
from ops.bench.stage import Stage
from ops.bench.world import Merchant
from techrar.core.ids import delivery_id

PAUSE = 0.02
OTP: Mapping[str, Any] = {"category": "security", "priority": "critical"}
#: The strictest neighbour: no more urgent than the campaign itself.
LOW: Mapping[str, Any] = {"category": "marketing", "priority": "low"}


def run(stage: Stage) -> Iterator[Result]:
    count = stage.size.urgent
    stage.world.clear()
    _sent(stage, stage.other, OTP, 20)  # connections open, templates are compiled
    idle = _waits(stage, _sent(stage, stage.other, OTP, count))
    yield Result("OTP, idle: accept to call, p99", _p99(idle) * 1000, "ms", at_most=40, note=_median(idle))
    stage.world.clear()
    stage.start(stage.one, stage.size.one)
    _until(stage, lambda: stage.world.sink.seen > stage.size.one // 20)
    sent = {"otp": _sent(stage, stage.other, OTP, count), "low": _sent(stage, stage.other, LOW, count // 3)}
    left = stage.size.one - stage.world.sink.seen
    stage.watch(stage.size.one + count + count // 3, "campaign beside urgent messages")
    otp, low = _waits(stage, sent["otp"]), _waits(stage, sent["low"])
    note = f"{left} of the campaign were left when the last one was sent"
    yield Result("OTP beside a campaign, p99", _p99(otp) * 1000, "ms", at_most=250, note=f"{_median(otp)}; {note}")
    yield Result("another merchant beside a campaign, p99", _p99(low) * 1000, "ms", at_most=500, note=_median(low))


def _sent(stage: Stage, merchant: Merchant, how: Mapping[str, Any], count: int) -> dict[UUID, float]:
    """When each was asked for, by its delivery's id: the clock starts before the request leaves."""
    target = urlsplit(stage.web)
    connection = HTTPConnection(str(target.hostname), target.port, timeout=10)
    headers = {"Authorization": f"Bearer {merchant.key}", "Content-Type": "application/json"}
    body = json.dumps({
        "to": {"email": "ann@example.com"}, "channels": ["email"], "template": "order",
        "data": {"name": "Ann", "order": 7, "city": "Jeddah"}, **how,
    })  # fmt: skip
    asked = {}
    for _ in range(count):
        began = time.monotonic()
        connection.request("POST", "/v1/notifications", body, headers)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        if answer.status != 202:
            raise RuntimeError(f"the API answered {answer.status}: {said}")
        asked[delivery_id(UUID(said["id"]), 1)] = began
        time.sleep(PAUSE)
    connection.close()
    return asked


def _waits(stage: Stage, asked: Mapping[UUID, float]) -> list[float]:
    """Seconds from each request to the vendor's call, shortest first."""
    _until(stage, lambda: asked.keys() <= {i for i, _ in entries(stage.world.sink.log)})
    came: dict[UUID, float] = {}
    for identifier, at in entries(stage.world.sink.log):
        came.setdefault(identifier, at)
    return sorted(came[i] - began for i, began in asked.items())


def _until(stage: Stage, holds: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError("some messages never reached the sink")
        time.sleep(0.05)
        assert stage.world.sink.seen >= 0  # makes it write its log


def _p99(waits: list[float]) -> float:
    return waits[min(len(waits) - 1, int(len(waits) * 0.99))]


def _median(waits: list[float]) -> str:
    return f"median {waits[len(waits) // 2] * 1000:.0f} ms"
