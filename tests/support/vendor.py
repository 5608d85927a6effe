"""A vendor as a real server on this machine, and an account of a provider that talks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest

from providers.base import Message, Outcome, Provider
from providers.http import Network
from providers.testing import NOW, example_config
from tests.support.http_receiver import Received, Receiver, Reply


@asynccontextmanager
async def vendor(
    cls: type[Provider], module: ModuleType, *replies: Reply, **config: Any
) -> AsyncIterator[tuple[Provider, Receiver]]:
    """`module` is where the vendor's address is written down; it leads to the server instead."""
    given = cls.Config.model_validate({**revealed(example_config(cls)), **config})
    net = Network(allow_private=True)
    with pytest.MonkeyPatch.context() as patch:
        async with Receiver(*replies) as receiver:
            patch.setattr(module, "API", receiver.url)
            try:
                yield cls(given, net, now=lambda: NOW), receiver
            finally:
                await net.close()


async def deliver(provider: Provider, message: Message) -> Outcome:
    (outcome,) = await provider.deliver([message])
    return outcome


def revealed(config: Any) -> dict[str, Any]:
    """As a merchant writes it down, secrets and all."""
    values = config.model_dump()
    return {k: v.get_secret_value() if hasattr(v, "get_secret_value") else v for k, v in values.items()}


def form(received: Received) -> dict[str, str]:
    """The fields of a form, each given once."""
    assert received.headers["Content-Type"] == "application/x-www-form-urlencoded"
    pairs = parse_qsl(received.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def reply(value: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, orjson.dumps(value), {"Content-Type": "application/json", **headers})
