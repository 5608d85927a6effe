"""Where may an address that a merchant gave lead?"""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from yarl import URL

from providers.errors import ForbiddenTarget
from providers.guard import OPEN, STRICT, is_public

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "192.169.0.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2a00:1450::1",
    "::ffff:1.1.1.1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_leads_inside_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_its_neighbours_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "must begin with https://"),
        ("ftp://example.com/", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("https:///path", "must name a host"),
        ("https://user:secret@example.com/", "no user name or password"),
        ("https://user@example.com/", "no user name or password"),
        ("https://example.com:22/", "port 443 or 8443, not 22"),
        ("https://example.com:80/", "port 443 or 8443, not 80"),
        ("https://127.0.0.1/", "not on the public internet"),
        ("https://[::1]/", "not on the public internet"),
        ("https://[::ffff:10.0.0.1]/", "not on the public internet"),
        ("https://169.254.169.254/latest/meta-data", "not on the public internet"),
    ],
)
def test_a_forbidden_address_is_refused_before_anything_is_resolved(url: str, why: str) -> None:
    with pytest.raises(ForbiddenTarget, match=why):
        STRICT.check_url(URL(url))


@pytest.mark.parametrize("url", ["https://example.com/", "https://example.com:8443/x?y", "https://1.1.1.1/"])
def test_an_ordinary_address_passes(url: str) -> None:
    STRICT.check_url(URL(url))


def test_an_installation_may_allow_private_targets() -> None:
    OPEN.check_url(URL("http://127.0.0.1:9999/"))


def test_no_socket_is_made_for_a_private_address_whoever_asks() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 443))
    with pytest.raises(ForbiddenTarget):
        STRICT.open_socket(info)
