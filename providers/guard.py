"""Where may an address that a merchant gave make us connect?

Only the address that is really connected to counts: names are resolved once, every answer is checked, and the
connection goes to the checked address. So neither odd spellings nor a name server that changes its mind helps.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from providers.errors import ForbiddenTarget

Address = IPv4Address | IPv6Address
AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]

_DENIED_V4 = tuple(
    ip_network(net)
    for net in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's host, public in form only
        "169.254.0.0/16",  # link-local, and clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Of IPv6 only what is handed out to the public; NAT64, site-local, unique-local and the like lie outside it.
_GLOBAL_V6 = ip_network("2000::/3")
_DENIED_V6 = tuple(
    ip_network(net)
    for net in (
        "2001::/23",  # Teredo, ORCHID and other protocols
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: any IPv4 address in disguise
        "3fff::/20",  # documentation
    )
)


def is_public(address: Address) -> bool:
    """A machine on the public internet, and nothing that leads back into a private network."""
    if isinstance(address, IPv4Address):
        return not any(address in net for net in _DENIED_V4)
    if address.ipv4_mapped:
        return is_public(address.ipv4_mapped)
    return address in _GLOBAL_V6 and not any(address in net for net in _DENIED_V6)


@dataclass(frozen=True, slots=True)
class Guard:
    """The rule of one installation. `STRICT` is the default; `OPEN` is for development and private networks."""

    schemes: frozenset[str] = frozenset({"https"})
    ports: frozenset[int] | None = frozenset({443, 8443})
    permitted: Callable[[Address], bool] = is_public

    def check_url(self, url: URL) -> None:
        """What can be said before resolving: scheme, port, and an address in place of a name."""
        if url.scheme not in self.schemes:
            raise ForbiddenTarget(f"The address must begin with {' or '.join(sorted(self.schemes))}://.")
        if not url.host or url.user or url.password:
            raise ForbiddenTarget("The address must name a host and contain no user name or password.")
        if self.ports is not None and url.port not in self.ports:
            allowed = " or ".join(map(str, sorted(self.ports)))
            raise ForbiddenTarget(f"The address must use port {allowed}, not {url.port}.")
        try:
            literal = ip_address(url.host)
        except ValueError:
            return
        self.check(literal, url.host)

    def check(self, address: Address, name: str) -> None:
        if not self.permitted(address):
            raise ForbiddenTarget(f"{name} leads to {address}, which is not on the public internet.")

    def open_socket(self, info: AddressInfo) -> socket.socket:
        """The last gate: no socket exists for an address that was not checked."""
        family, kind, proto, _, sockaddr = info
        self.check(ip_address(str(sockaddr[0])), "The target")
        return socket.socket(family, kind, proto)


STRICT = Guard()
OPEN = Guard(schemes=frozenset({"http", "https"}), ports=None, permitted=lambda _: True)


class GuardedResolver(AbstractResolver):
    """Resolves with another resolver and refuses the name when any one of its addresses is forbidden."""

    def __init__(self, inner: AbstractResolver, guard: Guard) -> None:
        self._inner = inner
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            self._guard.check(ip_address(result["host"]), host)
        return found

    async def close(self) -> None:
        await self._inner.close()


async def connect(resolver: GuardedResolver, guard: Guard, host: str, port: int) -> socket.socket:
    """A TCP connection to a host whose addresses were checked, for protocols that are not HTTP."""
    loop = asyncio.get_running_loop()
    failure = OSError(f"{host} has no address")
    for result in await resolver.resolve(host, port):
        target = (result["host"], result["port"])
        info = (result["family"], socket.SOCK_STREAM, result["proto"], "", target)
        try:
            sock = guard.open_socket(info)
        except OSError as error:  # no IPv6 on this machine
            failure = error
            continue
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, target)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure
