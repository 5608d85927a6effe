"""What must hold for every provider, and with what can its author show it?

The contract as plain functions: our own suite runs them over the whole registry, a third party over its own class.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from providers.base import Message, Outcome, OutcomeKind, Provider, ProviderConfig, Reason, ReceiptRequest, accepted
from providers.channel import Channel
from providers.errors import BadSignature, Throttled
from providers.http import Network
from providers.registry import channel

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def message(on: Channel, address: str | None = None, **fields: Any) -> Message:
    """A delivery of a channel's example content."""
    made = Message(uuid4(), on.key, address or on.example_address, on.example_content)
    return replace(made, **fields)


def example_config(cls: type[Provider]) -> ProviderConfig:
    """A config that validates: every field that must be given names an example."""
    required = {name: field for name, field in cls.Config.model_fields.items() if field.is_required()}
    without = [name for name, field in required.items() if not field.examples]
    assert not without, f"{cls.__name__}.Config: give Field(examples=[…]) for {', '.join(without)}"
    return cls.Config.model_validate({name: (field.examples or [None])[0] for name, field in required.items()})


def check_declaration(cls: type[Provider]) -> None:
    """Identity, capabilities and a config that a form can be made of."""
    assert re.fullmatch(r"[a-z][a-z0-9_]{1,39}", cls.key), f"{cls.__name__}.key must be a short lower-case word"
    assert cls.title.strip(), f"{cls.__name__} needs a title"
    can = cls.capabilities
    assert 1 <= can.max_batch <= 10_000, "max_batch must be between 1 and 10 000"
    assert 1 <= can.concurrency <= 10_000, "concurrency must be between 1 and 10 000"
    assert 0 < can.timeout <= 30, "a call must end within 30 seconds: leases depend on it"
    assert issubclass(cls.Config, ProviderConfig), "Config must extend ProviderConfig"
    bare = [name for name, field in cls.Config.model_fields.items() if not field.description]
    assert not bare, f"{cls.__name__}.Config: describe {', '.join(bare)}"
    assert cls.Config.model_json_schema()["additionalProperties"] is False
    example_config(cls)


def check_refuses_unsigned(cls: type[Provider]) -> None:
    """Whoever knows the address must not be able to say what became of a message."""
    for headers in ({}, {"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}):
        unsigned = ReceiptRequest(b'{"events": []}', headers, "https://example.com/hooks/x/y", NOW)
        try:
            cls.verify(example_config(cls), unsigned)
        except BadSignature:
            continue
        raise AssertionError(f"{cls.__name__}.verify accepts a body that nobody signed")


async def check_one_outcome_each(cls: type[Provider], net: Network) -> None:
    """Whatever `send` does, each message gets exactly one outcome, in order, and a lost one is ambiguous."""
    batch = [message(channel(cls.channel)) for _ in range(min(cls.capabilities.max_batch, 3))]
    stranger = message(channel(cls.channel))
    first = accepted(batch[0])
    lost = (OutcomeKind.AMBIGUOUS, Reason.UNEXPECTED_ANSWER)
    throttled = [(OutcomeKind.THROTTLED, Reason.RATE)] * len(batch)
    cases: list[tuple[Any, list[tuple[str, str]]]] = [
        ([], [lost] * len(batch)),
        ([first, replace(first, kind=OutcomeKind.REJECTED), accepted(stranger)], [("accepted", "")]),
        (None, [lost] * len(batch)),
        (RuntimeError("a bug"), [lost] * len(batch)),
        (Throttled(Reason.RATE), [(str(kind), str(reason)) for kind, reason in throttled]),
    ]
    for answer, wanted in cases:
        provider = _answering(cls, answer)(example_config(cls), net)
        outcomes = await provider.deliver(batch)
        await provider.close()
        assert [outcome.delivery_id for outcome in outcomes] == [one.delivery_id for one in batch]
        wanted += [lost] * (len(batch) - len(wanted))
        assert [(outcome.kind, outcome.reason) for outcome in outcomes] == wanted, answer


def _answering(cls: type[Provider], answer: Any) -> type[Provider]:
    async def send(self: Provider, batch: Sequence[Message]) -> list[Outcome]:  # noqa: ARG001 scripted
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]  # also what it must not be

    return type(f"Answering{cls.__name__}", (cls,), {"send": send})
