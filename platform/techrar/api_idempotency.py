"""How does every POST that changes something honour an Idempotency-Key?

Which operations that are follows from their scopes: a call that needs `read` or none changes nothing. A view gets the
behaviour without knowing of it; one that claims its key in its own statement says `@guards_itself`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from ninja.operation import Operation
from ninja.responses import Status

from techrar.api_schemas import ShownOnce
from techrar.core.errors import invalid
from techrar.ledger.idempotency import HEADER, MOST_CHARACTERS, Answer, guard_of, once
from techrar.merchants.auth import BearerAuth
from techrar.merchants.scopes import Scope

Run = Callable[..., HttpResponse]

_PARAMETER = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS},
    "description": "Makes the call safe to repeat: the same key and body get the first answer, for 72 hours.",
}
_REPLAYED = {
    "Idempotency-Replayed": {
        "description": "`true` when this is the kept answer of an earlier request.",
        "schema": {"type": "boolean"},
    }
}


def honour_keys(run: Run) -> Run:
    """Looked at when the routers are mounted; `run` is the bound method of the operation."""
    operation = cast("Operation", run.__self__)  # type: ignore[attr-defined]
    if hasattr(operation.view_func, "never_kept"):
        operation.view_func = _refusing(operation.view_func)
    elif _changes_something(operation):
        if not hasattr(operation.view_func, "guards_itself"):
            operation.view_func = _guarded(operation, operation.view_func)
        answers = {status: {"headers": _REPLAYED} for status in operation.response_models}
        operation.openapi_extra = {**(operation.openapi_extra or {}), "parameters": [_PARAMETER], "responses": answers}
    return run


def _refusing(view: Callable[..., Any]) -> Callable[..., Any]:
    """Somebody who sends a key counts on it."""

    @wraps(view)
    def refusing(request: HttpRequest, **values: Any) -> Any:
        if HEADER in request.headers:
            raise invalid(HEADER, "not_supported", f"This call takes no {HEADER}: each request is carried out.")
        return view(request, **values)

    return refusing


def _changes_something(operation: Operation) -> bool:
    needed = {scope for auth in operation.auth_callbacks if isinstance(auth, BearerAuth) for scope in auth.scopes}
    return "POST" in operation.methods and bool(needed - {Scope.READ})


def _guarded(operation: Operation, view: Callable[..., Any]) -> Callable[..., Any]:
    endpoint = operation.operation_id or view.__name__

    @wraps(view)
    def guarded(request: HttpRequest, **values: Any) -> Any:
        guard = guard_of(request, endpoint)
        if guard is None:
            return view(request, **values)

        def act() -> Answer:
            result = view(request, **values)
            made = result.value if isinstance(result, Status) else result
            response = operation._result_to_response(request, result, operation.api.create_temporal_response(request))
            secret_of = made.id if isinstance(made, ShownOnce) else ""
            return Answer(response.status_code, cast("HttpResponse", response).content, secret_of=secret_of)

        return once(guard, act).response()

    return guarded
