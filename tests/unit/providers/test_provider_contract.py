"""Does every provider keep the contract? A new file is tested here before its author writes a line."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from providers import testing
from providers.base import Provider
from providers.http import Network
from providers.registry import PROVIDERS, channels, load, providers_of

load()
every_provider = pytest.mark.parametrize("cls", PROVIDERS.values(), ids=list(PROVIDERS))


@pytest_asyncio.fixture
async def net() -> AsyncIterator[Network]:
    network = Network()
    yield network
    await network.close()


@every_provider
def test_a_provider_says_who_it_is_and_what_it_needs(cls: type[Provider]) -> None:
    testing.check_declaration(cls)


@every_provider
def test_a_provider_refuses_a_receipt_that_nobody_signed(cls: type[Provider]) -> None:
    testing.check_refuses_unsigned(cls)


@every_provider
async def test_every_message_gets_one_outcome_whatever_send_does(cls: type[Provider], net: Network) -> None:
    await testing.check_one_outcome_each(cls, net)


@pytest.mark.parametrize("key", list(channels()))
def test_every_channel_has_one_sandbox(key: str) -> None:
    assert [cls.key for cls in providers_of(key).values() if cls.capabilities.sandbox] == ["sandbox"]
