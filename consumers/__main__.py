"""`python -m consumers deliver --lane urgent|bulk [--channel KEY …]` and `python -m consumers receipts`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
from typing import TYPE_CHECKING

from consumers import bootstrap

if TYPE_CHECKING:
    from consumers.engine.source import Source

log = logging.getLogger("consumers")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m consumers", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    deliver = kinds.add_parser("deliver", help="send what the dispatcher published")
    deliver.add_argument("--lane", choices=("urgent", "bulk"), required=True)
    deliver.add_argument("--channel", action="append", help="only this channel; may be repeated")
    kinds.add_parser("receipts", help="apply what vendors told us")
    arguments = parser.parse_args()
    bootstrap.django()
    if arguments.kind == "deliver":
        bootstrap.run(lambda stop: deliver_until(stop, lane=arguments.lane, only=arguments.channel))
    else:
        bootstrap.run(receipts_until)


async def deliver_until(stop: asyncio.Event, *, lane: str, only: list[str] | None) -> None:
    from django.conf import settings
    from uuid_utils.compat import uuid7

    from consumers.engine.database import Database
    from consumers.engine.worker import Options, Worker
    from consumers.handlers.deliver import Desk
    from consumers.handlers.shared_health import SharedHealth
    from providers.http import Network
    from techrar.core.database import dsn
    from techrar.ledger.tallies import SHARDS
    from techrar.live.ping import ping
    from techrar.routing.selectors import key_ring
    from techrar.tracking.links import Links

    options = Options(
        dsn=dsn(),
        process=bootstrap.process_name(),
        shard=os.getpid() % SHARDS,
        # An urgent row's outcome waits for no company: its merchant looks at it now.
        linger=0.002 if lane == "urgent" else 0.04,
    )
    desk = Desk(
        Database(options.dsn, name="lookup"),
        keys=key_ring(),
        net=Network(allow_private=settings.ALLOW_PRIVATE_TARGETS),
        links=Links(settings.PUBLIC_URL, settings.SECRET_KEY),
    )
    sharing = asyncio.create_task(SharedHealth(settings.REDIS_URL, desk.routes, process=options.process).run())
    worker = Worker(source(lane, only), desk, options, new_id=uuid7, flushed=ping)
    log.info("delivering %s over %s as %s", lane, settings.TRANSPORT, options.process)
    try:
        await worker.run(stop)
    finally:
        sharing.cancel()
        await asyncio.wait([sharing])
        await desk.close()


def source(lane: str, only: list[str] | None) -> Source:
    from django.conf import settings
    from uuid_utils.compat import uuid7

    from consumers.engine.amqp import AmqpSource
    from consumers.engine.ledger import LedgerSource
    from providers.registry import channels
    from techrar.broker.topology import Profile
    from techrar.core.database import dsn
    from techrar.env import Transport

    keys = only or list(channels())
    lanes = [f"{key}.urgent" for key in keys] if lane == "urgent" else keys
    name = f"techrar {lane} consumer"
    if settings.TRANSPORT is Transport.AMQP:
        return AmqpSource(settings.AMQP_URL, lanes, Profile(settings.BROKER_PROFILE), name=name)
    return LedgerSource(dsn(), lanes, name=name, new_id=uuid7)


async def receipts_until(stop: asyncio.Event) -> None:
    from consumers.engine.database import Database
    from consumers.handlers.receipts import run
    from techrar.core.database import dsn
    from techrar.ledger.tallies import SHARDS
    from techrar.live.ping import ping

    database = Database(dsn(), name="receipts")
    try:
        await run(database, shard=os.getpid() % SHARDS, stop=stop, applied=ping)
    finally:
        await database.close()


if __name__ == "__main__":
    main()
