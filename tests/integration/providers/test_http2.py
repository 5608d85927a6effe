"""What becomes of requests that share one HTTP/2 connection, whatever happens to it?"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from h2.errors import ErrorCodes

from ops.chaos.processes import Process
from providers import http2
from providers.errors import Ambiguous, ProviderError, Transient
from providers.http import MAX_ANSWER, Answer
from providers.http2 import Http2
from providers.http2_link import IDLE
from tests.support.certificates import server_tls
from tests.support.http2_server import Http2Server, Reply2
from tests.support.vendor import certificate, network

HOST = "api.push.apple.com"
HOLD = Reply2(hold=True)


@pytest.fixture(scope="module")
def tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(HOST)


@asynccontextmanager
async def served(
    tls: tuple[ssl.SSLContext, ssl.SSLContext], *replies: Reply2, **options: object
) -> AsyncIterator[tuple[Http2Server, Http2]]:
    async with (
        Http2Server(*replies, tls=tls[0], **options) as server,  # type: ignore[arg-type]
        network({HOST: server.port}, tls[1]) as net,
    ):
        client = Http2(net, HOST)
        try:
            yield server, client
        finally:
            await client.close()


async def post(client: Http2, body: bytes = b"{}", *, within: float = 5.0) -> Answer:
    return await client.post(
        "/3/device/s3cret", headers={"A-Header": "b"}, body=body, timeout=within, shown="/3/device/…"
    )


async def outcome(client: Http2, body: bytes = b"{}", *, within: float = 5.0) -> Answer | ProviderError:
    try:
        return await post(client, body, within=within)
    except ProviderError as error:
        return error


async def test_an_answer_carries_status_headers_body_and_a_summary_without_the_path(
    tls: tuple[ssl.SSLContext, ...],
) -> None:
    async with served(tls, Reply2(404, b'{"reason": "BadPath"}', {"retry-after": "7"})) as (server, client):
        answer = await post(client, b"hello")
    assert (answer.status, answer.json(), answer.headers["Retry-After"]) == (404, {"reason": "BadPath"}, "7")
    assert answer.summary == {
        "request": f"POST https://{HOST}/3/device/…",
        "status": 404,
        "answer": '{"reason": "BadPath"}',
    }
    (got,) = server.requests
    assert (got.headers[":path"], got.headers["a-header"], got.body) == ("/3/device/s3cret", "b", b"hello")


async def test_one_connection_carries_all_requests_at_once(tls: tuple[ssl.SSLContext, ...]) -> None:
    async with served(tls, *[HOLD] * 200, at_once=1000) as (server, client):
        calls = [asyncio.create_task(post(client)) for _ in range(200)]
        await server.wait_for(200)  # none has been answered yet
        server.release()
        answers = await asyncio.gather(*calls)
        assert {answer.status for answer in answers} == {200}
        assert len(server.connections) == 1


async def test_no_more_are_sent_at_once_than_the_server_takes(tls: tuple[ssl.SSLContext, ...]) -> None:
    async with served(tls, *[HOLD] * 12, at_once=5) as (server, client):
        calls = [asyncio.create_task(post(client)) for _ in range(12)]
        await server.wait_for(5)
        assert len(server.connections[0].h2.streams) <= 5
        server.release()
        assert [answer.status for answer in await asyncio.gather(*calls)] == [200] * 12
        assert len(server.connections) == 1


async def test_who_waits_for_a_place_too_long_has_sent_nothing(tls: tuple[ssl.SSLContext, ...]) -> None:
    async with served(tls, HOLD, at_once=1) as (server, client):
        first = asyncio.create_task(post(client))
        await server.wait_for(1)
        second = await outcome(client, within=0.1)
        assert isinstance(second, Transient)
        server.release()
        assert (await first).status == 200
        assert len(server.requests) == 1


async def test_a_body_larger_than_the_servers_window_goes_in_pieces(tls: tuple[ssl.SSLContext, ...]) -> None:
    async with served(tls, window=1000) as (server, client):
        bodies = [bytes([65 + n]) * 9_999 for n in range(20)]
        await asyncio.gather(*(post(client, body) for body in bodies))
        assert sorted(got.body for got in server.requests) == bodies
        assert len(server.connections) == 1


async def test_after_a_goodbye_the_answers_that_it_vouched_for_still_arrive(tls: tuple[ssl.SSLContext, ...]) -> None:
    goodbye = Reply2(hold=True, goodbye=0)
    async with served(tls, HOLD, goodbye) as (server, client):
        calls = [asyncio.create_task(post(client)) for _ in range(2)]
        await server.wait_for(2)
        while (link := client._links[-1]).takes_more():  # until the goodbye has arrived
            await link._change()
        assert (await post(client)).status == 200, "goes over a new connection"
        server.release()
        assert [answer.status for answer in await asyncio.gather(*calls)] == [200, 200]
        assert [got.connection for got in server.requests] == [0, 0, 1]
        await asyncio.wait_for(server.connections[0].lost.wait(), 5)  # and is not kept for ever


async def test_what_a_goodbye_does_not_vouch_for_goes_over_a_new_connection(tls: tuple[ssl.SSLContext, ...]) -> None:
    async with served(tls, Reply2(goodbye=-2), Reply2(201)) as (server, client):
        assert (await post(client)).status == 201
        assert [got.connection for got in server.requests] == [0, 1]


async def test_a_server_that_only_says_goodbye_sent_nothing(tls: tuple[ssl.SSLContext, ...]) -> None:
    async with served(tls, *[Reply2(goodbye=-2)] * 5) as (server, client):
        assert isinstance(await outcome(client), Transient)
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (ErrorCodes.REFUSED_STREAM, Transient),
        (ErrorCodes.CANCEL, Ambiguous),
        (ErrorCodes.INTERNAL_ERROR, Ambiguous),
        (ErrorCodes.ENHANCE_YOUR_CALM, Ambiguous),
    ],
)
async def test_a_reset_says_whether_the_request_was_looked_at(
    tls: tuple[ssl.SSLContext, ...], code: ErrorCodes, kind: type[ProviderError]
) -> None:
    async with served(tls, Reply2(reset=code)) as (server, client):
        assert type(await outcome(client)) is kind
        assert (await post(client)).status == 200
        assert [got.connection for got in server.requests] == [0, 0], "the connection is as good as before"


async def test_a_connection_that_breaks_leaves_all_its_requests_open(tls: tuple[ssl.SSLContext, ...]) -> None:
    async with served(tls, *[HOLD] * 3, Reply2(cut=True)) as (server, client):
        outcomes = await asyncio.gather(*(outcome(client) for _ in range(4)))
        assert {type(each) for each in outcomes} == {Ambiguous}
        assert len(server.requests) == 4
        assert (await post(client)).status == 200
        assert len(server.connections) == 2


async def test_an_answer_that_breaks_the_protocol_leaves_it_open(tls: tuple[ssl.SSLContext, ...]) -> None:
    for nonsense in (b"HTTP/1.1 200 OK\r\n\r\n", b"\x00\x00\x01\x00\x00\x00\x00\x00\x07x"):
        async with served(tls, Reply2(raw=nonsense)) as (_, client):
            broken = await outcome(client)
            assert isinstance(broken, Ambiguous)
            assert broken.reason == "unexpected_answer"


async def test_no_answer_in_time_leaves_it_open_and_the_next_call_does_not_trust_the_connection(
    tls: tuple[ssl.SSLContext, ...],
) -> None:
    async with served(tls, HOLD) as (server, client):
        late = await outcome(client, within=0.3)
        assert isinstance(late, Ambiguous)
        assert late.reason == "timeout"
        assert (await post(client)).status == 200
        assert len(server.connections) == 2


async def test_a_slow_answer_does_not_make_a_connection_suspect_over_which_others_come(
    tls: tuple[ssl.SSLContext, ...],
) -> None:
    async with served(tls, HOLD) as (server, client):
        slow = asyncio.create_task(outcome(client, within=0.5))
        await server.wait_for(1)
        assert (await post(client)).status == 200
        assert isinstance(await slow, Ambiguous)
        assert (await post(client)).status == 200
        assert len(server.connections) == 1
        assert server.cancelled == [1]


async def test_a_connection_that_was_silent_for_long_is_not_trusted(tls: tuple[ssl.SSLContext, ...]) -> None:
    async with served(tls) as (server, client):
        await post(client)
        client._links[-1]._heard_at -= IDLE + 1
        await post(client)
        assert [got.connection for got in server.requests] == [0, 1]


async def test_a_large_answer_is_cut_off(tls: tuple[ssl.SSLContext, ...]) -> None:
    async with served(tls, Reply2(200, b"x" * 200_000)) as (_, client):
        assert len((await post(client)).body) <= MAX_ANSWER


async def test_a_server_without_http2_or_without_words_has_got_nothing(
    tls: tuple[ssl.SSLContext, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(tls, alpn="http/1.1") as (server, client):
        assert isinstance(await outcome(client), Transient)
        assert server.requests == []
    monkeypatch.setattr(http2, "CONNECT_TIMEOUT", 0.3)
    async with served(tls) as (server, client):
        server.silent = True
        began = time.monotonic()
        outcomes = await asyncio.gather(*(outcome(client) for _ in range(20)))
        assert {type(each) for each in outcomes} == {Transient}
        assert time.monotonic() - began < 3, "who waits for a connection fails with it, not one after the other"
        assert len(server.connections) == 1


async def test_a_refused_connection_and_a_certificate_of_somebody_else_have_got_nothing(
    tls: tuple[ssl.SSLContext, ...],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with network({HOST: port}, tls[1]) as net:
        assert isinstance(await outcome(Http2(net, HOST)), Transient)
    other, _ = certificate("evil.example")
    async with served((other, tls[1])) as (server, client):
        assert isinstance(await outcome(client), Transient)
        assert server.requests == []


async def test_a_server_of_another_make_understands_us(tmp_path: Path) -> None:
    """granian speaks HTTP/2 with Rust's hyper, while our client and the fake share a library."""
    _, authority = server_tls(tmp_path, HOST)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options = f"-m granian --interface asgi --http 2 --no-ws --host 127.0.0.1 --port {port}".split()
    files = ["--ssl-certificate", str(tmp_path / "chain.pem"), "--ssl-keyfile", str(tmp_path / "key.pem")]
    with Process(*options, *files, "tests.support.http2_app:app", log=tmp_path / "log") as process:
        async with network({HOST: port}, ssl.create_default_context(cadata=authority)) as net:
            client = Http2(net, HOST)
            for _ in range(600):
                if not isinstance(await outcome(client), Transient):
                    break
                await asyncio.sleep(0.05)  # a process that starts tells nobody
            answers = await asyncio.gather(*(post(client, b"x" * 4096) for _ in range(300)))
            await client.close()
        process.stop()
    said = {answer.body.decode() for answer in answers}
    assert len(said) == 1, "all over one connection"
    version, _, *rest = said.pop().split()
    assert (version, rest) == ("2", ["POST", "/3/device/s3cret", "4096"])
