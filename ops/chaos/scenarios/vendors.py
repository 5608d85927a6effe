"""Vendors that fail in every way HTTP knows. The urgent ones stay well: nothing of this may reach them."""

from __future__ import annotations

from ops.chaos.scenario import scenario
from ops.chaos.world import World

#: A retry of high priority comes after a minute.
RETRIED = 180.0


@scenario("vendors answer 503", settle_within=RETRIED)
def error(world: World) -> None:
    world.vendors("error", seconds=4)


@scenario("vendors answer 429 with Retry-After")
def slow_down(world: World) -> None:
    world.vendors("slow-down", seconds=8)


@scenario("vendors take 30 s", back_within=45, settle_within=RETRIED)
def latency(world: World) -> None:
    world.vendors("latency", seconds=5, share=0.3)


@scenario("vendors reset after they took it", settle_within=RETRIED)
def reset(world: World) -> None:
    world.vendors("reset", seconds=6, share=0.2)


@scenario("vendors answer HTML with 200", settle_within=RETRIED)
def html(world: World) -> None:
    world.vendors("html", seconds=6, share=0.2)
