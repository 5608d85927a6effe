"""How does a failure look on the wire?

RFC 9457 `application/problem+json`, the same for a domain `Problem`, for the router's own 404 and 405, and for a bug:
`type`, `title`, `status`, `code`, `detail`, `request_id` and `errors`, one entry per wrong field.
"""

from __future__ import annotations

import orjson
from django.http import HttpRequest, HttpResponse

from techrar.core.errors import Problem

CONTENT_TYPE = "application/problem+json"
#: answers below these are read by programs, everything else by people
API_PREFIXES = ("/v1/", "/hooks/")
#: how long a caller waits before trying again when nothing better is known
RETRY_AFTER = 2


class MalformedJson(Problem):
    status, code, title = 400, "malformed_json", "The request body is not JSON"


class MethodNotAllowed(Problem):
    status, code, title = 405, "method_not_allowed", "This address does not take this method"


class InternalError(Problem):
    status, code, title = 500, "internal_error", "Something went wrong on our side"


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith(API_PREFIXES) or request.path == "/v1"


def request_id_of(request: HttpRequest) -> str:
    return getattr(request, "request_id", "")


def as_dict(problem: Problem, *, request_id: str = "") -> dict[str, object]:
    """The members of the document; a batch puts them inside the answer of one item."""
    return {
        "type": f"urn:techrar:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "request_id": request_id,
        "errors": [{"field": e.field, "code": e.code, "message": e.message} for e in problem.errors],
    }


def respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    body = orjson.dumps(as_dict(problem, request_id=request_id_of(request)))
    response = HttpResponse(body, status=problem.status, content_type=CONTENT_TYPE)
    response["Content-Length"] = str(len(body))  # some of these never pass the middleware that sets it
    if problem.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="techrar"'
    retry_after = problem.retry_after
    if retry_after is None and problem.status in (429, 503):
        retry_after = RETRY_AFTER
    if retry_after is not None:
        response["Retry-After"] = str(max(1, retry_after))
    return response
