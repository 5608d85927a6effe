"""What does `deliver` make of an adapter that is slow, wrong or broken?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from providers import testing
from providers.base import (
    Capabilities,
    Message,
    Outcome,
    OutcomeKind,
    Provider,
    ProviderConfig,
    Reason,
    WithoutReceipts,
    accepted,
)
from providers.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Throttled, Transient
from providers.registry import channel

Send = Callable[[Sequence[Message]], Awaitable[list[Outcome]]]


class Scripted(WithoutReceipts, Provider):
    channel = "email"
    capabilities = Capabilities(max_batch=2, timeout=0.05)
    doing: Send

    async def send(self, batch: Sequence[Message]) -> list[Outcome]:
        return await self.doing(batch)


Scripted.key = "scripted"  # set late: a key in the class body would register it


def scripted(doing: Send) -> Scripted:
    provider = Scripted(ProviderConfig(), cast(Any, None))
    provider.doing = doing
    return provider


def messages(count: int) -> list[Message]:
    return [testing.message(channel("email")) for _ in range(count)]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Transient, OutcomeKind.RETRY),
        (Throttled, OutcomeKind.THROTTLED),
        (Permanent, OutcomeKind.REJECTED),
        (Misconfigured, OutcomeKind.MISCONFIGURED),
        (Ambiguous, OutcomeKind.AMBIGUOUS),
    ],
)
async def test_each_error_of_the_closed_set_becomes_its_outcome_for_all(
    error: type[ProviderError], kind: OutcomeKind
) -> None:
    async def fail(_: Sequence[Message]) -> list[Outcome]:
        raise error(Reason.VENDOR_ERROR, "it said no", retry_after=7.0, status=500)

    batch = messages(2)
    outcomes = await scripted(fail).deliver(batch)
    assert [(o.delivery_id, o.kind, o.reason, o.retry_after) for o in outcomes] == [
        (m.delivery_id, kind, "vendor_error", 7.0) for m in batch
    ]
    assert outcomes[0].detail == {"status": 500, "message": "it said no"}


async def test_a_call_without_an_answer_ends_in_time_and_is_ambiguous() -> None:
    async def hang(_: Sequence[Message]) -> list[Outcome]:
        await asyncio.Event().wait()
        return []

    (outcome,) = await scripted(hang).deliver(messages(1))
    assert (outcome.kind, outcome.reason) == (OutcomeKind.AMBIGUOUS, "timeout")
    assert 50 <= outcome.latency_ms < 5_000


async def test_outcomes_come_in_the_order_of_the_batch() -> None:
    async def backwards(batch: Sequence[Message]) -> list[Outcome]:
        return [accepted(message) for message in reversed(batch)]

    batch = messages(2)
    assert [o.delivery_id for o in await scripted(backwards).deliver(batch)] == [m.delivery_id for m in batch]


async def test_the_first_of_two_outcomes_for_one_message_counts(caplog: pytest.LogCaptureFixture) -> None:
    async def twice(batch: Sequence[Message]) -> list[Outcome]:
        one = accepted(batch[0])
        return [one, replace(one, kind=OutcomeKind.REJECTED)]

    (outcome,) = await scripted(twice).deliver(messages(1))
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert "1 outcomes too many" in caplog.text


async def test_a_bug_is_logged_with_its_stack_and_without_the_address(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(batch: Sequence[Message]) -> list[Outcome]:
        raise KeyError(batch[0].address)

    batch = [replace(message, address="jane.doe@example.com") for message in messages(1)]
    with caplog.at_level(logging.ERROR, logger="techrar.providers"):
        (outcome,) = await scripted(broken).deliver(batch)
    assert (outcome.kind, outcome.reason) == (OutcomeKind.AMBIGUOUS, "unexpected_answer")
    assert outcome.detail["error"] == "KeyError"
    assert "in broken" in caplog.text
    assert str(batch[0].delivery_id) in caplog.text
    assert "jane.doe" not in caplog.text


async def test_more_messages_than_a_call_takes_are_refused_before_anything_is_sent() -> None:
    async def never(_: Sequence[Message]) -> list[Outcome]:
        raise AssertionError("nothing may be sent")

    with pytest.raises(ValueError, match=r"3 messages in one call of email\.scripted, which takes 2"):
        await scripted(never).deliver(messages(3))


async def test_being_cancelled_is_not_an_outcome() -> None:
    started = asyncio.Event()

    async def hang(_: Sequence[Message]) -> list[Outcome]:
        started.set()
        await asyncio.Event().wait()
        return []

    task = asyncio.create_task(scripted(hang).deliver(messages(1)))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_time_a_call_took_is_measured_unless_the_adapter_knows_better() -> None:
    async def knows(batch: Sequence[Message]) -> list[Outcome]:
        return [replace(accepted(message), latency_ms=1234) for message in batch]

    (outcome,) = await scripted(knows).deliver(messages(1))
    assert outcome.latency_ms == 1234
