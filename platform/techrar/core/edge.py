"""What is settled about a request before any view sees it?

Its size, and that it holds no NUL character (PostgreSQL stores none); afterwards, that every failure below an API path
is `application/problem+json`, the router's own 404 and 405 included.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse

from techrar.core.errors import NotFound, Problem, TooLarge, invalid
from techrar.core.problems import CONTENT_TYPE, MethodNotAllowed, is_api, respond

BODY_LIMIT = 5 * 1024 * 1024


class EdgeMiddleware:
    """Refuse what is too large without reading it into memory, and speak problem+json below the API paths."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            measure(request)
            if is_api(request):
                refuse_nul(request)
        except Problem as problem:
            return respond(request, problem)
        response = self.get_response(request)
        if response.status_code in (404, 405) and is_api(request) and response["Content-Type"] != CONTENT_TYPE:
            return _translated(request, response)
        return response


def measure(request: HttpRequest) -> None:
    """Trust a declared length; read a body of undeclared length only up to the limit."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    if declared.isdecimal():
        if int(declared) > BODY_LIMIT:
            raise TooLarge(f"The body is {int(declared):,} bytes; at most {BODY_LIMIT:,} bytes (5 MB) are taken.")
        return
    stream = _undeclared(request)
    if stream is None:
        return
    body = stream.read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise TooLarge(f"The body is more than {BODY_LIMIT:,} bytes; at most {BODY_LIMIT:,} bytes (5 MB) are taken.")
    request._body = body  # where HttpRequest.body keeps what it has read
    request._stream = BytesIO(body)  # and where forms are parsed from


def _undeclared(request: HttpRequest) -> Any:
    """The stream of a chunked body, or None when there is no body to read."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return None
    if isinstance(request, WSGIRequest):
        # Without this promise of the server a read could wait for ever; Django then sees an empty body.
        return request.environ["wsgi.input"] if request.environ.get("wsgi.input_terminated") else None
    return getattr(request, "_stream", None)


def refuse_nul(request: HttpRequest) -> None:
    if "\x00" in request.path:
        raise NotFound("There is nothing at this address.")
    if "%00" in request.META.get("QUERY_STRING", ""):
        raise invalid("query", "nul_character", "A query parameter holds a NUL character; remove it.")


def _translated(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if response.status_code == 404:
        return respond(request, NotFound(f"There is nothing at {request.path}; the calls are listed at /v1/docs."))
    allowed = response.get("Allow", "")
    problem = MethodNotAllowed(f"{request.method} is not possible at {request.path}; it takes {allowed}.")
    translated = respond(request, problem)
    translated["Allow"] = allowed
    return translated
