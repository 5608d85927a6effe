"""Does the sandbox do in every channel what its table says?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from providers import testing
from providers.base import Outcome, Provider
from providers.http import Network
from providers.registry import channel, channels, sandbox_of
from providers.sandbox import Sandbox
from providers.sandbox_magic import MAGIC, leading_word, number_word, path_word

EMAIL = sandbox_of("email")


@pytest_asyncio.fixture
async def net() -> AsyncIterator[Network]:
    network = Network()
    yield network
    await network.close()


def account(net: Network, cls: type[Provider] = EMAIL, **config: Any) -> Provider:
    return cls(cls.Config.model_validate({"slow_ms": 20, **config}), net)


async def deliver(provider: Provider, *words: str, attempt: int = 1) -> list[Outcome]:
    assert isinstance(provider, Sandbox)
    addresses = [provider.address_for(word) for word in words]
    on = channel(provider.channel)
    return await provider.deliver([testing.message(on, address, attempt=attempt) for address in addresses])


@pytest.mark.parametrize("key", list(channels()))
@pytest.mark.parametrize("word", MAGIC)
def test_every_word_can_be_said_in_every_channel(key: str, word: str) -> None:
    cls: Any = sandbox_of(key)
    address = cls.address_for(word)
    assert channels()[key].normalise(address) == address
    assert cls.word(address) == word


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("delivered", ("accepted", "")),
        ("anything", ("accepted", "")),
        ("bounce", ("accepted", "")),
        ("slow", ("accepted", "")),
        ("flaky", ("retry", "connection")),
        ("throttled", ("throttled", "rate")),
        ("ambiguous", ("ambiguous", "connection")),
        ("lostanswer", ("ambiguous", "connection")),
        ("misconfigured", ("misconfigured", "credentials")),
        ("rejected", ("rejected", "invalid_address")),
        ("crash", ("ambiguous", "unexpected_answer")),
    ],
)
async def test_the_address_decides_the_outcome(net: Network, word: str, outcome: tuple[str, str]) -> None:
    (got,) = await deliver(account(net), word)
    assert (got.kind.value, got.reason) == outcome


async def test_an_answer_that_comes_too_late_is_ambiguous(net: Network) -> None:
    class Hasty(EMAIL):  # type: ignore[valid-type,misc]
        capabilities = replace(EMAIL.capabilities, timeout=0.6)

    (got,) = await deliver(account(net, Hasty), "timeout")
    assert (got.kind.value, got.reason) == ("ambiguous", "timeout")


@pytest.mark.parametrize("word", ["flaky", "throttled"])
async def test_the_second_attempt_succeeds(net: Network, word: str) -> None:
    assert (await deliver(account(net), word, attempt=2))[0].kind == "accepted"


async def test_being_throttled_uses_no_attempt_and_yet_ends(net: Network) -> None:
    sandbox = account(net)
    message = testing.message(channel("email"), "throttled@example.com")
    (first,) = await sandbox.deliver([message])
    (second,) = await sandbox.deliver([message])
    assert (first.kind, first.retry_after, second.kind) == ("throttled", 2.0, "accepted")


async def test_in_a_batch_each_message_fares_as_its_own_address_says(net: Network) -> None:
    words = ["delivered", "rejected", "crash", "throttled", "someone"]
    outcomes = await deliver(account(net), *words)
    assert [o.kind.value for o in outcomes] == ["accepted", "rejected", "ambiguous", "throttled", "accepted"]


async def test_a_slow_address_takes_its_time_and_an_ordinary_one_takes_none(net: Network) -> None:
    sandbox = account(net, slow_ms=150)
    started = time.perf_counter()
    await deliver(sandbox, "delivered")
    quick = time.perf_counter() - started
    await deliver(sandbox, "slow")
    assert quick < 0.1 < 0.15 <= time.perf_counter() - started


async def test_many_calls_wait_at_the_same_time(net: Network) -> None:
    sandbox = account(net, latency_ms=100)
    started = time.perf_counter()
    await asyncio.gather(*(deliver(sandbox, "delivered") for _ in range(50)))
    assert time.perf_counter() - started < 1.0


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("bounce@example.com", "bounce"),
        ("BOUNCE@example.com", "bounce"),
        ("bounce+42@example.com", "bounce"),
        ("bounce-42@example.com", "bounce"),
        ("bounce7@example.com", "bounce"),
        ("bounce.smith@example.com", ""),
        ("bounced@example.com", "bounced"),
        ("42@example.com", ""),
    ],
)
def test_only_a_whole_word_is_magic(address: str, word: str) -> None:
    assert leading_word(address) == word


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("https://example.com/bounce", "bounce"),
        ("https://example.com/hooks/bounce/", "bounce"),
        ("https://example.com/bounce-7?a=/slow", "bounce"),
        ("https://bounce.example.com/", ""),
    ],
)
def test_in_a_web_address_the_last_part_counts(url: str, word: str) -> None:
    assert path_word(url) == word


@pytest.mark.parametrize(
    ("number", "word"),
    [("+12025550101", "bounce"), ("+13125550114", "rejected"), ("+12025550199", ""), ("+12025551101", "")],
)
def test_only_numbers_reserved_for_fiction_are_magic(number: str, word: str) -> None:
    assert number_word(number) == word
