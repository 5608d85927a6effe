"""What can any call answer? Declared here once, for all operations of the OpenAPI document."""

from __future__ import annotations

from typing import Any, TypeVar

from techrar.api_schemas import ProblemAnswer
from techrar.core.problems import CONTENT_TYPE

Document = TypeVar("Document", bound=dict[str, Any])

REFUSALS = {
    400: ("MalformedJson", "The body is not JSON."),
    401: ("Unauthorized", "The key is missing, unknown, revoked or expired."),
    403: ("Forbidden", "The key does not have the scope this call needs."),
    404: ("NotFound", "There is no such object, or it is another merchant's."),
    409: ("Conflict", "The object is not in a state that allows this, or the Idempotency-Key is still in use."),
    413: ("TooLarge", "The body is larger than 5 MB."),
    422: ("ValidationError", "Some fields are not valid; `errors` names each of them."),
    429: ("RateLimited", "Too many requests; see Retry-After."),
    500: ("InternalError", "Something went wrong on our side; name the request id when you report it."),
    503: ("Unavailable", "The service cannot take this request right now; see Retry-After."),
}
METHODS = ("get", "put", "post", "delete", "patch")

_COUNT = {"schema": {"type": "integer", "minimum": 0}}
_HEADERS = {
    "RequestId": {"description": "Names this request in logs and reports.", "schema": {"type": "string"}},
    "RateLimitLimit": {"description": "Units per ten seconds, of the tightest limit.", **_COUNT},
    "RateLimitRemaining": {"description": "Units left of that limit.", **_COUNT},
    "RateLimitReset": {"description": "Seconds until the counting slot ends.", **_COUNT},
    "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
}
_ON_EVERY_ANSWER = {
    "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
    "RateLimit-Limit": {"$ref": "#/components/headers/RateLimitLimit"},
    "RateLimit-Remaining": {"$ref": "#/components/headers/RateLimitRemaining"},
    "RateLimit-Reset": {"$ref": "#/components/headers/RateLimitReset"},
}
_RETRY_AFTER = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}


def declare_common_answers(document: Document) -> Document:
    """Add every refusal to every operation, and the headers to every answer."""
    components = document["components"]
    schema = ProblemAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"] |= schema.pop("$defs") | {"Problem": schema}
    components["headers"] = _HEADERS
    components["responses"] = {name: _refusal(status, text) for status, (name, text) in REFUSALS.items()}
    for scheme in components.get("securitySchemes", {}).values():
        scheme["description"] = "An API key (`trk_live_…`, `trk_test_…`) or a token from `/v1/auth/token`."
    for operations in document["paths"].values():
        for method in METHODS:
            if method in operations:
                _declare(operations[method])
    return document


def _declare(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    for answer in answers.values():
        answer["headers"] = {**_ON_EVERY_ANSWER, **answer.get("headers", {})}
    for status, (name, _) in REFUSALS.items():
        if status == 400 and "requestBody" not in operation:
            continue
        answers.setdefault(status, {"$ref": f"#/components/responses/{name}"})


def _refusal(status: int, text: str) -> dict[str, Any]:
    return {
        "description": text,
        "headers": {**_ON_EVERY_ANSWER, **(_RETRY_AFTER if status in (409, 429, 503) else {})},
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
