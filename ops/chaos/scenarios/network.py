"""The network between two of us: everything stalls, then nobody is let in, then every connection is reset."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ops.chaos.cast import CONSUMERS, DISPATCHERS
from ops.chaos.providers import SINK
from ops.chaos.scenario import BACKLOG, scenario
from ops.chaos.tcp_proxy import TcpProxy
from ops.chaos.world import World

STALL_SECONDS, CUT_SECONDS, PAUSE_SECONDS = 5.0, 5.0, 3.0
#: Longer than a lease and its grace: what was being called is somebody else's by then.
LONG_STALL_SECONDS = 65.0


@contextmanager
def between(world: World, names: tuple[str, ...], variable: str) -> Iterator[TcpProxy]:
    """These processes reach that server through a proxy, until the block ends."""
    with TcpProxy(os.environ[variable]) as proxy:
        world.cast.restart(*names, **{variable: proxy.url})
        world.watch(PAUSE_SECONDS)
        yield proxy
        world.watch(PAUSE_SECONDS)
        world.cast.restart(*names)


def stall_cut_reset(world: World, proxy: TcpProxy) -> None:
    proxy.stall()
    world.watch(STALL_SECONDS)
    proxy.flow()
    world.watch(PAUSE_SECONDS)
    proxy.refuse()
    proxy.cut()
    world.watch(CUT_SECONDS)
    proxy.accept()
    world.watch(PAUSE_SECONDS)
    proxy.cut()


@scenario("network: consumers and broker", urgent_within=20)
def consumers_and_broker(world: World) -> None:
    with between(world, CONSUMERS, "AMQP_URL") as proxy:
        stall_cut_reset(world, proxy)


@scenario("network: consumers and database", urgent_within=75)
def consumers_and_database(world: World) -> None:
    with between(world, CONSUMERS, "DATABASE_URL") as proxy:
        stall_cut_reset(world, proxy)
        world.watch(PAUSE_SECONDS)
        # What was written is written, but nobody learns of it: it is written again.
        proxy.stall(to_server=False)
        world.watch(1)
        proxy.cut()
        proxy.flow()


@scenario("network: a consumer without its database for longer than a lease", may_strand=True)
def a_consumer_without_database(world: World) -> None:
    """Its calls were made and its outcomes come too late: another has sent these again, and flagged them.

    The envelopes it had and could not claim are nobody's after a minute, and go out anew.
    """
    with between(world, CONSUMERS[:1], "DATABASE_URL") as proxy:
        proxy.stall()
        world.cast.in_flight += world.calling(*CONSUMERS[:1])
        world.watch(LONG_STALL_SECONDS)
        proxy.flow()


@scenario("network: dispatchers and broker", urgent_within=20)
def dispatchers_and_broker(world: World) -> None:
    with between(world, DISPATCHERS, "AMQP_URL") as proxy:
        stall_cut_reset(world, proxy)


@scenario("network: dispatchers and database", urgent_within=20)
def dispatchers_and_database(world: World) -> None:
    with between(world, DISPATCHERS, "DATABASE_URL") as proxy:
        stall_cut_reset(world, proxy)


@scenario("network: consumers and vendors", settle_within=180, urgent_within=20)
def consumers_and_vendors(world: World) -> None:
    """A call that is cut off may have arrived: each of these is in doubt, and no other."""
    # Messages carry its address, also those that are sent again a minute later.
    proxy = world.until_the_next.enter_context(TcpProxy(world.sink_url))
    world.cast.restart(*CONSUMERS, **{SINK: proxy.url})
    world.campaign.stop()
    # Where nobody lets them in, calls fail as fast as they are made, and wait for a minute: there must be more.
    world.campaign.start(proxy.url, backlog=5 * BACKLOG)
    world.watch(PAUSE_SECONDS)
    proxy.stall()
    world.watch(STALL_SECONDS)
    proxy.flow()
    world.watch(PAUSE_SECONDS)
    for seconds in (CUT_SECONDS, 0):
        proxy.stall()
        world.cut_off += world.calling(*CONSUMERS)
        proxy.refuse()
        proxy.cut()
        proxy.flow()
        world.watch(seconds)
        proxy.accept()
        world.watch(PAUSE_SECONDS)
    world.cast.restart(*CONSUMERS)
