"""How much of a body is read before it is refused."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

from techrar.core.edge import BODY_LIMIT, measure
from techrar.core.errors import TooLarge


class Counting(BytesIO):
    """Remembers how much was asked of it."""

    read_bytes = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data


def wsgi(body: Counting, **environ: Any) -> HttpRequest:
    return WSGIRequest(
        {"REQUEST_METHOD": "POST", "PATH_INFO": "/v1/x", "wsgi.input": body, "wsgi.input_terminated": True, **environ}
    )


def asgi(body: Counting, *headers: tuple[bytes, bytes]) -> HttpRequest:
    return ASGIRequest({"type": "http", "method": "POST", "path": "/v1/x", "headers": list(headers)}, body)


def test_a_declared_size_over_the_limit_is_refused_unread() -> None:
    body = Counting(b"x")
    with pytest.raises(TooLarge, match=r"5,242,881 bytes; at most 5,242,880 bytes"):
        measure(wsgi(body, CONTENT_LENGTH=str(BODY_LIMIT + 1)))
    assert body.read_bytes == 0


def test_a_declared_size_at_the_limit_is_left_to_the_view() -> None:
    body = Counting(b"x")
    measure(wsgi(body, CONTENT_LENGTH=str(BODY_LIMIT)))
    assert body.read_bytes == 0


@pytest.mark.parametrize("make", [wsgi, asgi])
def test_an_undeclared_size_is_read_no_further_than_the_limit(make: Any) -> None:
    body = Counting(b"x" * (BODY_LIMIT + 1_000_000))
    with pytest.raises(TooLarge, match="more than 5,242,880 bytes"):
        measure(make(body))
    assert body.read_bytes == BODY_LIMIT + 1


@pytest.mark.parametrize("make", [wsgi, asgi])
def test_an_undeclared_body_within_the_limit_reaches_the_view(make: Any) -> None:
    request = make(Counting(b'{"a": 1}'))
    measure(request)
    assert request.body == b'{"a": 1}'


def test_a_server_that_does_not_end_the_stream_is_not_waited_for() -> None:
    body = Counting(b"x")
    request = wsgi(body)
    del request.environ["wsgi.input_terminated"]  # type: ignore[attr-defined]
    measure(request)
    assert body.read_bytes == 0
