"""What does a failed exchange mean, and can a merchant's address lead us anywhere it should not?"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import AsyncResolver, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from providers.errors import Ambiguous, ForbiddenTarget, Transient
from providers.guard import Guard
from providers.http import MAX_ANSWER, Answer, Network
from providers.testing import NOW
from tests.support.certificates import server_tls
from tests.support.http_receiver import Receiver, Reply

#: To the guard of these tests 127.0.0.1 is the public internet, and every other address is private.
PUBLIC = ip_address("127.0.0.1")


def guard(**rules: Any) -> Guard:
    return Guard(
        **{"schemes": frozenset({"http", "https"}), "ports": None, "permitted": lambda a: a == PUBLIC, **rules}
    )


class Names(AbstractResolver):
    """A name server that gives the next of its scripted answers each time it is asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not addresses:
            raise OSError(None, "no such name")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        return None


@asynccontextmanager
async def network(**options: Any) -> AsyncIterator[Network]:
    net = Network(**({"guard": guard()} | options))
    try:
        yield net
    finally:
        await net.close()


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def test_an_answer_carries_status_headers_body_and_a_redacted_summary() -> None:
    body = b'{"sent_to": "jane.doe@example.com"}'
    async with Receiver(Reply(201, body, {"X-Id": "7"})) as receiver, network() as net:
        answer = await net.request("POST", f"{receiver.url}/send?key=secret", body=b"{}", headers={"X-A": "b"})
    assert (answer.status, answer.ok, answer.headers["x-id"]) == (201, True, "7")
    assert answer.json() == {"sent_to": "jane.doe@example.com"}
    assert answer.summary == {
        "request": f"POST {receiver.url}/send",
        "status": 201,
        "answer": '{"sent_to": "j***@example.com"}',
    }
    assert receiver.received[0].headers["X-A"] == "b"
    assert receiver.received[0].path == "/send?key=secret"


async def test_connections_are_kept_for_the_next_request() -> None:
    async with Receiver() as receiver, network() as net:
        for _ in range(3):
            await net.request("POST", receiver.url, body=b"x")
        assert len(receiver.connections) == 1


async def test_a_refused_connection_may_be_tried_again(closed_port: int) -> None:
    async with network() as net:
        with pytest.raises(Transient) as caught:
            await net.request("POST", f"http://127.0.0.1:{closed_port}/", body=b"x")
    assert caught.value.reason == "connection"


async def test_a_name_that_does_not_resolve_may_be_tried_again() -> None:
    async with network(resolver=Names([])) as net:
        with pytest.raises(Transient) as caught:
            await net.request("POST", "http://gone.example/", body=b"x")
    assert caught.value.detail["error"] == "ClientConnectorDNSError"


async def test_a_certificate_that_does_not_fit_may_be_tried_again_and_nothing_was_sent(tmp_path: Path) -> None:
    tls, _ = server_tls(tmp_path, "hooks.example.com")
    async with Receiver(tls=tls) as receiver, network() as net:
        with pytest.raises(Transient):
            await net.request("POST", receiver.url, body=b"x")
        assert receiver.received == []


async def test_a_connection_that_breaks_after_the_request_leaves_it_open_whether_it_was_taken() -> None:
    async with Receiver(Reply(cut=True)) as receiver, network() as net:
        with pytest.raises(Ambiguous) as caught:
            await net.request("POST", receiver.url, body=b"x")
        assert len(receiver.received) == 1
    assert caught.value.reason == "connection"


async def test_no_answer_in_time_leaves_it_open_whether_it_was_taken() -> None:
    async with Receiver(Reply(hang=True)) as receiver, network() as net:
        with pytest.raises(Ambiguous) as caught:
            await net.request("POST", receiver.url, body=b"x", timeout=0.2)
        assert len(receiver.received) == 1
    assert caught.value.reason == "timeout"


async def test_a_server_that_never_lets_us_in_may_be_tried_again() -> None:
    """It accepts the connection and never speaks TLS, so the request was not written."""
    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with network() as net:
        with pytest.raises(Transient):
            await net.request("POST", f"https://127.0.0.1:{port}/", body=b"x", timeout=0.2)
    silent.close()


async def test_redirects_are_answers_and_are_not_followed() -> None:
    async with Receiver() as other, Receiver(Reply(302, headers={"Location": other.url})) as receiver, network() as net:
        answer = await net.request("POST", receiver.url, body=b"x")
        assert (answer.status, other.received) == (302, [])


async def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    async with Receiver(Reply(body=b"x" * (20 * MAX_ANSWER))) as receiver, network() as net:
        answer = await net.request("POST", receiver.url, body=b"x")
        assert len(answer.body) == MAX_ANSWER
        assert len(str(answer.summary["answer"])) <= 501


async def test_a_compressed_bomb_stays_compressed() -> None:
    bomb = Reply(body=b"\x1f\x8b" + b"x" * 50, headers={"Content-Encoding": "gzip"})
    async with Receiver(bomb) as receiver, network() as net:
        answer = await net.request("POST", receiver.url, body=b"x")
    assert len(answer.body) == 52
    assert receiver.received[0].headers["Accept-Encoding"] == "identity"


async def test_an_answer_that_should_be_json_and_is_not_leaves_it_open() -> None:
    async with Receiver(Reply(body=b"<html>")) as receiver, network() as net:
        answer = await net.request("POST", receiver.url, body=b"x")
        with pytest.raises(Ambiguous) as caught:
            answer.json()
    assert caught.value.reason == "unexpected_answer"


async def test_proxies_named_by_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    async with Receiver() as receiver, network() as net:
        assert (await net.request("POST", receiver.url, body=b"x")).ok


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("999999", 3600.0),
        ((NOW + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 90.0),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_retry_after_is_understood_as_seconds_or_a_date_and_capped(value: str, seconds: float | None) -> None:
    assert Answer(429, {"Retry-After": value}, b"").retry_after(NOW) == seconds


async def test_a_name_server_that_changes_its_mind_gains_nothing() -> None:
    """Public when checked, private a moment later: the checked address is the one connected to, each time anew."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with Receiver() as public, Receiver(host="127.0.0.2", port=public.port) as private:
        async with network(resolver=names) as net:
            answer = await net.request("POST", f"http://hooks.example.com:{public.port}/", body=b"x")
            assert (answer.ok, names.asked) == (True, ["hooks.example.com"])
        async with network(resolver=names) as net:
            with pytest.raises(ForbiddenTarget, match=r"hooks\.example\.com leads to 127\.0\.0\.2"):
                await net.request("POST", f"http://hooks.example.com:{public.port}/", body=b"x")
        assert public.received[0].headers["Host"] == f"hooks.example.com:{public.port}"
        assert private.received == []


async def test_one_private_address_among_several_refuses_the_name() -> None:
    async with Receiver() as receiver, network(resolver=Names(["127.0.0.1", "10.0.0.1"])) as net:
        with pytest.raises(ForbiddenTarget, match=r"10\.0\.0\.1"):
            await net.request("POST", f"http://hooks.example.com:{receiver.port}/", body=b"x")
        assert receiver.received == []


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "①②⑦.0.0.1",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "0.0.0.0",
        "[::]",
    ],
)
@pytest.mark.parametrize("resolver", [ThreadedResolver, AsyncResolver])
async def test_no_spelling_of_this_machine_gets_through(host: str, resolver: type[AbstractResolver]) -> None:
    """The system's resolver reads more spellings as addresses than the other one, which finds no such name."""
    async with (
        Receiver() as receiver,
        network(guard=Guard(schemes=frozenset({"http"}), ports=None), resolver=resolver()) as net,
    ):
        with pytest.raises((ForbiddenTarget, Transient)) as caught:
            await net.request("POST", f"http://{host}:{receiver.port}/", body=b"x")
        assert receiver.received == []
    assert isinstance(caught.value, ForbiddenTarget) or "not found" in str(caught.value)


async def test_the_server_sees_the_name_in_tls_although_we_connect_to_a_checked_address(tmp_path: Path) -> None:
    tls, authority = server_tls(tmp_path, "hooks.example.com")
    seen: list[str | None] = []
    tls.sni_callback = lambda _, name, __: seen.append(name)
    trusting = ssl.create_default_context(cadata=authority)
    async with Receiver(tls=tls) as receiver, network(resolver=Names(["127.0.0.1"]), tls=trusting) as net:
        assert (await net.request("POST", f"https://hooks.example.com:{receiver.port}/", body=b"x")).ok
    assert seen == ["hooks.example.com"]


async def test_our_own_address_may_be_private() -> None:
    async with Receiver() as receiver:
        net = Network()
        assert (await net.request("POST", receiver.url, body=b"x", own=True)).ok
        await net.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readexactly(2))
    writer.close()


Opened = Callable[[Network, int], Any]


async def test_a_plain_socket_goes_to_a_checked_address() -> None:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with network(resolver=Names(["127.0.0.1"])) as net:
        reader, writer = await asyncio.open_connection(sock=await net.open_socket("mail.example.com", port))
        writer.write(b"hi")
        assert await reader.readexactly(2) == b"hi"
        writer.close()
    server.close()


async def test_a_plain_socket_does_not_go_to_a_private_address(closed_port: int) -> None:
    async with network(resolver=Names(["127.0.0.2"])) as net:
        with pytest.raises(ForbiddenTarget):
            await net.open_socket("mail.example.com", closed_port)


async def test_a_plain_socket_that_is_refused_may_be_tried_again(closed_port: int) -> None:
    async with network(resolver=Names(["127.0.0.1"])) as net:
        with pytest.raises(Transient):
            await net.open_socket("mail.example.com", closed_port)
