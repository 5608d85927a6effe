"""Does the broker have what the plan asks for, and how does it get it?

Both functions answer with sentences for an operator: one for each thing that is not as planned, none when all is well.
Works with a connection that somebody else opened; uses a channel of its own, because every complaint closes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from amqp.exceptions import AccessRefused, ChannelError, NotFound, PreconditionFailed

from techrar.broker.topology import Exchange, Queue, Topology

FIX = "run `manage.py topology`"
Thing = Exchange | Queue


def apply(connection: Any, topology: Topology) -> list[str]:
    """Declare everything; harmless when it is there already."""
    with connection.channel() as channel:
        problems = [_problem(thing, _attempt(_declare, channel, thing)) for thing in _things(topology)]
        for binding in topology.bindings:
            error = _attempt(_bind, channel, binding)
            if error is not None:
                problems.append(
                    f"queue {binding.queue!r} could not be bound to {binding.exchange!r}: {error.reply_text}"
                )
    return [problem for problem in problems if problem]


def check(connection: Any, topology: Topology) -> list[str]:
    """Change nothing. AMQP cannot ask for bindings: a missing one shows when a message is returned."""
    with connection.channel() as channel:
        problems = [_check(channel, thing) for thing in _things(topology)]
    return [problem for problem in problems if problem]


def _check(channel: Any, thing: Thing) -> str:
    error = _attempt(_look, channel, thing)
    if isinstance(error, NotFound):
        return f"{_name(thing)} is missing: {FIX}"
    if error is None:
        error = _attempt(_declare, channel, thing)  # it exists, so this only compares
        if isinstance(error, AccessRefused):
            return ""  # may be used, may not be compared: all that can be known is known
    return _problem(thing, error)


def _problem(thing: Thing, error: ChannelError | None) -> str:
    if error is None:
        return ""
    if isinstance(error, PreconditionFailed):
        return f"{_name(thing)} differs from the plan ({error.reply_text}): delete it when it is empty, then {FIX}"
    if isinstance(error, AccessRefused):
        return f"{_name(thing)} cannot be declared: the broker's user lacks the configure permission"
    return f"{_name(thing)} cannot be declared: {error.reply_text}"


def _attempt(act: Callable[[Any, Any], None], channel: Any, subject: Any) -> ChannelError | None:
    """The broker closes the channel with its complaint; py-amqp opens it again by itself."""
    try:
        act(channel, subject)
    except ChannelError as error:
        return error
    return None


def _look(channel: Any, thing: Thing) -> None:
    if isinstance(thing, Queue):
        channel.queue_declare(thing.name, passive=True)
    else:
        channel.exchange_declare(thing.name, thing.kind, passive=True)


def _declare(channel: Any, thing: Thing) -> None:
    if isinstance(thing, Queue):
        channel.queue_declare(thing.name, durable=True, auto_delete=False, arguments=dict(thing.arguments))
    else:
        channel.exchange_declare(thing.name, thing.kind, durable=True, auto_delete=False)


def _bind(channel: Any, binding: Any) -> None:
    channel.queue_bind(
        binding.queue, exchange=binding.exchange, routing_key=binding.routing_key, arguments=dict(binding.arguments)
    )


def _things(topology: Topology) -> Iterator[Thing]:
    yield from topology.exchanges
    yield from topology.queues


def _name(thing: Thing) -> str:
    return f"{'queue' if isinstance(thing, Queue) else 'exchange'} {thing.name!r}"
