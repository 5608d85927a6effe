"""What does somebody see when there is no page, or when a page broke? And what may a page load?"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from techrar.core.errors import NotFound, Problem
from techrar.core.problems import InternalError, is_api, request_id_of, respond

#: Everything comes from this site; nothing is inline, so that injected markup cannot run or restyle the page.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class ContentSecurityPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    problem = Problem(f"The request was refused before it was read: {type(exception).__name__}.")
    return respond(request, problem) if is_api(request) else page(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # by this name
    return page(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  # by this name
    """A form that was open too long, or that another site sent."""
    return page(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # by this name
    if is_api(request):
        return respond(request, NotFound(f"There is nothing at {request.path}; the calls are listed at /v1/docs."))
    return page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django has logged the exception with its stack by the time it asks for this page."""
    if is_api(request):
        return respond(request, internal_error(request))
    return page(request, 500)


def internal_error(request: HttpRequest) -> InternalError:
    return InternalError(f"The failure was logged; name request {request_id_of(request)} when you report it.")


def page(request: HttpRequest, status: int) -> HttpResponse:
    context = {"status": status, "request_id": request_id_of(request)}
    return HttpResponse(render_to_string("error.html", context), status=status)
