"""A vendor's servers on this machine, under their own names: the adapter's addresses and checks are the real ones.

Names lead to a local port by a resolver of ours, and to nothing but it; the certificate carries the vendor's name.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from aiohttp.abc import AbstractResolver, ResolveResult

from providers.base import Message, Outcome, Provider
from providers.guard import Guard
from providers.http import Network
from providers.testing import NOW, example_config
from tests.support.certificates import server_tls
from tests.support.http_receiver import Received, Receiver, Reply

#: To these tests 127.0.0.1 is the public internet. Scheme and port are checked as anywhere.
GUARD = Guard(permitted=lambda address: address == ip_address("127.0.0.1"))


class Ports(AbstractResolver):
    """Each known name is a port on this machine, whatever port was asked for."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self.ports = ports

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        if host not in self.ports:
            raise OSError(None, f"no such name: {host}")
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=self.ports[host], family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        return None


@lru_cache(maxsize=64)
def certificate(*names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For the server of these names, and for a client that trusts it."""
    with TemporaryDirectory() as folder:
        server, authority = server_tls(Path(folder), *names)
    return server, ssl.create_default_context(cadata=authority)


@asynccontextmanager
async def network(ports: Mapping[str, int], client: ssl.SSLContext) -> AsyncIterator[Network]:
    net = Network(guard=GUARD, resolver=Ports(ports), tls=client)
    try:
        yield net
    finally:
        await net.close()


@asynccontextmanager
async def https_vendor(*replies: Reply, names: tuple[str, ...]) -> AsyncIterator[tuple[Receiver, Network]]:
    """One server for all of a vendor's names; `Host` says which was meant."""
    server, client = certificate(*names)
    async with (
        Receiver(*replies, tls=server) as receiver,
        network(dict.fromkeys(names, receiver.port), client) as net,
    ):
        yield receiver, net


@asynccontextmanager
async def vendor(
    cls: type[Provider], module: ModuleType, *replies: Reply, **config: Any
) -> AsyncIterator[tuple[Provider, Receiver]]:
    """An account with the vendor whose address `module` has as `API`, and the server behind that address."""
    given = cls.Config.model_validate({**revealed(example_config(cls)), **config})
    async with https_vendor(*replies, names=(host_of(module, given),)) as (receiver, net):
        yield cls(given, net, now=lambda: NOW), receiver


def host_of(module: ModuleType, config: Any) -> str:
    host = urlsplit(module.API.format_map(revealed(config))).hostname
    assert host
    return host


class Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


async def deliver(provider: Provider, message: Message) -> Outcome:
    (outcome,) = await provider.deliver([message])
    return outcome


def said(outcome: Outcome) -> tuple[str, str]:
    return outcome.kind.value, outcome.reason


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


#: What machines on the way, and vendors on a bad day, answer in place of an answer.
NONSENSE = {
    "html": b"<html><body><h1>It works!</h1></body></html>",
    "empty": b"",
    "truncated": b'{"name": "projects/example-shop/mess',
    "a list": b"[1, 2, 3]",
    "wrong types": b'{"name": 7, "id": [], "reason": {}, "error": "no", "code": "x", "message": 1}',
    "null": b"null",
    "not utf-8": b'{"name": "\xff\xfe", "id": "\xff", "reason": "\xff"}',
    "very deep": b'{"x":' + b"[" * 60_000,
}
