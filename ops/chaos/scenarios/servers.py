"""Servers that die, forget everything, or take nothing any more."""

from __future__ import annotations

import shutil
import signal

import redis

from ops.chaos.scenario import scenario
from ops.chaos.world import World
from ops.local.process import signal_group
from ops.local.server import Server

BOOT_SECONDS = 60.0
AWAY_SECONDS = 3.0


@scenario("broker killed", urgent_within=30)
def broker_killed(world: World) -> None:
    """What it confirmed it has on disk; what it did not confirm went back to the line."""
    broker = world.server("RabbitMQ")
    _die(broker, signal.SIGKILL)
    world.watch(AWAY_SECONDS)
    _come_back(broker)


@scenario("broker wiped", quick=True, back_within=45, urgent_within=90, may_strand=True)
def broker_wiped(world: World) -> None:
    """Every queue, every message, every user: as if its disk was new."""
    broker = world.server("RabbitMQ")
    _die(broker, signal.SIGKILL)
    shutil.rmtree(world.servers.home.folder / "rabbitmq" / "mnesia")
    _come_back(broker)


@scenario("database restarted at once", quick=True, urgent_within=30)
def database_restarted(world: World) -> None:
    """As `pg_ctl stop -m immediate`: no goodbye to anybody, recovery from its log."""
    for _ in range(1 if world.quick else 3):
        database = world.server("PostgreSQL")
        _die(database, signal.SIGQUIT)
        _come_back(database)
        world.watch(AWAY_SECONDS)


@scenario("Valkey flushed and killed")
def valkey_gone(world: World) -> None:
    valkey = world.server("Valkey")
    redis.Redis.from_url(valkey.url).flushall()
    world.watch(AWAY_SECONDS)
    _die(valkey, signal.SIGKILL)
    world.watch(AWAY_SECONDS)
    _come_back(valkey)


@scenario("broker in memory alarm", urgent_within=30)
def broker_in_alarm(world: World) -> None:
    """It takes nothing from whoever publishes; the API goes on saying yes."""
    world.broker_tool("set_vm_memory_high_watermark", "0")
    world.watch(10)
    world.broker_tool("set_vm_memory_high_watermark", "0.4")


def _die(server: Server, number: int) -> None:
    assert server.process is not None
    if number == signal.SIGKILL:
        signal_group(server.process.pid, number)
    else:
        server.process.send_signal(number)
    server.process.wait(30)


def _come_back(server: Server) -> None:
    server.start()
    server.wait_until_it_answers(BOOT_SECONDS)
