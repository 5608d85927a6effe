"""A vendor's own address, answered by a server of the test.

Names of vendors resolve to this machine, and a certificate that only the test trusts is good for them: adapters go to
the real address over TLS and need no switch for tests.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from providers.guard import Guard
from providers.http import Network
from tests.support.certificates import server_tls
from tests.support.http_receiver import Receiver, Reply

HERE = "127.0.0.1"


class EveryNameIsHere(AbstractResolver):
    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=HERE, port=self.port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        return None


def certificates(*hosts: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For the server, and for those who trust it."""
    with TemporaryDirectory() as folder:
        server, authority = server_tls(Path(folder), *hosts)
    return server, ssl.create_default_context(cadata=authority)


def network(port: int, trusting: ssl.SSLContext) -> Network:
    """A way out that ends at this port, whatever name is asked for."""
    here = Guard(permitted=lambda address: address == ip_address(HERE))
    return Network(guard=here, resolver=EveryNameIsHere(port), tls=trusting)


@asynccontextmanager
async def vendor(host: str, *replies: Reply) -> AsyncIterator[tuple[Receiver, Network]]:
    server, trusting = certificates(host)
    async with Receiver(*replies, tls=server) as receiver:
        net = network(receiver.port, trusting)
        try:
            yield receiver, net
        finally:
            await net.close()
