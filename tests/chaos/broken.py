"""The service with a mistake in it: `python -m tests.chaos.broken DEFECT consumers|dispatch …` starts the real process.

Each mistake is one that somebody could make; `make chaos` must notice every one of them. A campaign that is expanded
twice is not among them yet: its people come straight from the ledger's own statement.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection

from consumers import bootstrap
from techrar.broker.envelope import Envelope

DEFECTS: dict[str, Callable[[], None]] = {}


def defect(plant: Callable[[], None]) -> Callable[[], None]:
    DEFECTS[plant.__name__] = plant
    return plant


@defect
def nothing() -> None:
    """The service as it is: must pass."""


@defect
def acknowledged_before_the_claim() -> None:
    from consumers.engine.intake import Cut, Intake

    claim = Intake._claim_part

    class Acknowledged:
        redelivered = False

        def __init__(self, envelope: Envelope) -> None:
            self.envelope = envelope

        async def ack(self) -> None:
            """It was."""

        async def requeue(self) -> None:
            raise AssertionError("it is gone")

    async def hasty(self: Intake, part: Cut) -> None:
        for waiting in part.emptied:
            await waiting.taken.ack()
            waiting.taken = Acknowledged(waiting.taken.envelope)
        if part.emptied:
            await asyncio.sleep(4)
        await claim(self, part)

    Intake._claim_part = hasty  # type: ignore[method-assign]


@defect
def published_before_it_is_reserved() -> None:
    from techrar.dispatch import relay

    reserve, publish = relay.reserve, relay.Relay._publish
    later: list[tuple[Connection[Any], dict[str, Any], list[UUID]]] = []

    def only_look(connection: Connection[Any], **options: Any) -> Any:
        with connection.transaction(force_rollback=True):
            made = reserve(connection, **options)
        later.append((connection, options, [one.publish_id for one in made]))
        return made

    def and_reserve(self: relay.Relay, envelopes: list[Any]) -> int:
        done = publish(self, envelopes)
        time.sleep(0.1)
        while later:
            connection, options, names = later.pop()
            if names:
                reserve(connection, **{**options, "new_id": iter(names).__next__})
        return done

    relay.reserve = only_look  # type: ignore[assignment]
    relay.Relay._publish = and_reserve  # type: ignore[method-assign]


@defect
def an_outcome_without_its_fence() -> None:
    _change_outcomes("t.held_by = o.fence", "true")


@defect
def a_lost_tally_delta() -> None:
    _change_outcomes("-1 AS n", "0 AS n")


@defect
def no_sweeper_of_leases() -> None:
    from techrar.dispatch import sweeps

    sweeps.leases = lambda _connection: 0  # type: ignore[assignment]


@defect
def a_false_confirm_is_trusted() -> None:
    from techrar.dispatch.management.commands.dispatch import BrokerPublisher

    publish = BrokerPublisher.publish

    def trusting(self: BrokerPublisher, envelopes: Sequence[Any], *, deadline: float) -> set[UUID]:
        publish(self, envelopes, deadline=deadline)
        return {envelope.publish_id for envelope in envelopes}

    BrokerPublisher.publish = trusting  # type: ignore[method-assign]


def _change_outcomes(part: str, broken: str) -> None:
    from consumers.engine import outbox

    assert part in outbox.APPLY
    outbox.APPLY = outbox.APPLY.replace(part, broken)


def main() -> None:
    bootstrap.django()
    name, kind, *arguments = sys.argv[1:]
    DEFECTS[name]()
    sys.argv = [kind, *arguments]
    if kind == "consumers":
        from consumers.__main__ import main as consume

        consume()
    else:
        from django.core.management import call_command

        call_command("dispatch")


if __name__ == "__main__":
    main()
