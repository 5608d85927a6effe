"""In what do all calls of the API behave alike?

JSON in and out, every failure a problem that says what to do, unknown fields and query parameters refused, and every
answer declared in the OpenAPI document. Routers hold only what is their own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, cast

import orjson
import psycopg
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationErrorContext
from ninja.errors import ValidationError as RequestError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from pydantic import ValidationError

from techrar.api_openapi import declare_common_answers
from techrar.core.errors import FieldError, NotFound, Problem, Unavailable, invalid
from techrar.core.pages import internal_error
from techrar.core.problems import MalformedJson, respond
from techrar.core.validation import field_errors, invalid_fields, invalid_from

log = logging.getLogger(__name__)

Run = Callable[..., HttpResponse]
UNREACHABLE = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)

#: what every part that handles the document can write again
DEEPEST = 254


class JsonParser(Parser):
    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        try:
            document = orjson.loads(request.body)
        except orjson.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise MalformedJson(f"The body is not JSON: {error.msg}, at {where}.") from None
        if request.body.count(b"[") + request.body.count(b"{") > DEEPEST and _is_too_deep(document):
            raise invalid("body", "too_deep", f"Lists and objects lie more than {DEEPEST} deep in one another.")
        if b"\\u0000" in request.body and (path := _nul_in(document)) is not None:
            raise invalid(path or "body", "nul_character", "Holds a NUL character (\\u0000); remove it.")
        return cast("dict[str, Any]", document)


class JsonRenderer(BaseRenderer):
    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:  # noqa: ARG002  # ninja's
        return orjson.dumps(data, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)


class Api(NinjaAPI):
    """django-ninja with our manners."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parser=JsonParser(), renderer=JsonRenderer(), **options)
        self.add_decorator(refuse_unknown_parameters, mode="view")
        # Typed as Any: ninja declares that a handler may be given a class as well, and never gives it one.
        handlers: dict[type[Exception], Any] = {
            Problem: respond,
            ValidationError: _document_refused,
            HttpError: _http_error,
            Http404: _missing,
            **dict.fromkeys(UNREACHABLE, _database_down),
            Exception: _bug,
        }
        for kind, handler in handlers.items():
            self.add_exception_handler(kind, handler)

    def validation_error_from_error_contexts(self, error_contexts: list[ValidationErrorContext[Any]]) -> RequestError:
        """Every wrong field of the body, the query and the path, by the names the caller used."""
        found: tuple[FieldError, ...] = ()
        for context in error_contexts:
            found += _errors_in(context)
        return cast("RequestError", invalid_fields(found))  # raised by the caller, answered by the handler of `Problem`

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        return declare_common_answers(super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params))

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The name generated clients will use: the function's own."""
        return operation.view_func.__name__


def refuse_unknown_parameters(run: Run) -> Run:
    """A misspelt filter must not be a filter that is ignored. Looked at after the caller is known, before the view."""
    operation = cast("Operation", run.__self__)  # type: ignore[attr-defined]  # ninja decorates the bound `run`
    known = {name for model in operation.models if _source(model) == "query" for name in _parameters(model)}
    read = operation._get_values

    def read_known_only(request: HttpRequest, *args: Any) -> dict[str, Any]:
        for name in request.GET:
            if name not in known:
                expected = f"; known here: {', '.join(sorted(known))}." if known else "; this call takes none."
                raise invalid(name[:64], "unknown_parameter", f"Unknown query parameter{expected}")
        return read(request, *args)

    operation._get_values = read_known_only  # type: ignore[method-assign,assignment]
    return run


def _parameters(model: Any) -> set[str]:
    return set(getattr(model, "__ninja_flatten_map__", None) or model.model_fields)


def _source(model: Any) -> str:
    return str(model.__ninja_param_source__)


def _errors_in(context: ValidationErrorContext[Any]) -> tuple[FieldError, ...]:
    model: Any = context.model
    entries = context.pydantic_validation_error.errors(include_url=False, include_input=False)
    single = getattr(model, "__read_from_single_attr__", None)
    if single:  # the body is one document: its own name is not part of the path
        for entry in entries:
            entry["loc"] = entry["loc"][1:]
        return field_errors(entries, model=model.model_fields[single].annotation)
    names = getattr(model, "__ninja_flatten_map_reverse__", {})
    for entry in entries:
        entry["loc"] = names.get(entry["loc"], entry["loc"])
    return field_errors(entries)


def _document_refused(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A document that a view read by itself, such as a provider's configuration."""
    return respond(request, invalid_from(error))


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """django-ninja's own refusals; the one around our parser carries what the parser said."""
    if isinstance(error.__cause__, Problem):
        return respond(request, error.__cause__)
    problem = Problem(error.message)
    problem.status = error.status_code
    return respond(request, problem)


def _missing(request: HttpRequest, _error: Http404) -> HttpResponse:
    return respond(request, NotFound(f"There is nothing at {request.path}."))


def _database_down(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("the database does not serve: %s", str(error).strip().partition("\n")[0])
    return respond(request, Unavailable("The database cannot be reached; nothing was stored. Send the request again."))


def _bug(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("request %s failed", getattr(request, "request_id", ""), exc_info=error)
    return respond(request, internal_error(request))


def _is_too_deep(document: Any) -> bool:
    try:
        orjson.dumps(document)
    except orjson.JSONEncodeError:
        return True
    return False


def _nul_in(value: Any, path: str = "") -> str | None:
    """Where a string holds a NUL character, which PostgreSQL cannot store."""
    if isinstance(value, str):
        return path if "\x00" in value else None
    if isinstance(value, dict):
        if any("\x00" in name for name in value):
            return path
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)  # type: ignore[assignment]
    else:
        return None
    inside = (_nul_in(part, f"{path}.{name}" if path else str(name)) for name, part in pairs)
    return next((found for found in inside if found is not None), None)
