"""How does a domain failure say what is wrong, where, and what to do?

A `Problem` is raised by services and selectors; the API turns it into `application/problem+json`, the UI into a
message. Every `code` is a stable word that merchants' programs branch on, listed in `docs/errors.md`.
"""

from __future__ import annotations

from dataclasses import dataclass


class ConfigurationError(SystemExit):
    """The installation cannot start as configured; the message is one sentence for the operator.

    An exit and not an error, so that every kind of process ends with the sentence and without a stack trace.
    """


@dataclass(frozen=True, slots=True)
class FieldError:
    field: str
    code: str
    message: str


class Problem(Exception):
    """A failure the caller can act on."""

    status = 400
    code = "bad_request"
    title = "The request cannot be served"

    def __init__(self, detail: str, *, errors: tuple[FieldError, ...] = (), retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after


class Unauthorized(Problem):
    status, code, title = 401, "unauthorized", "The API key is missing, unknown or expired"


class Forbidden(Problem):
    status, code, title = 403, "forbidden", "The key does not have the scope this call needs"


class NotFound(Problem):
    status, code, title = 404, "not_found", "There is no such object"


class Conflict(Problem):
    status, code, title = 409, "conflict", "The object is not in a state that allows this"


class AlreadySent(Conflict):
    code, title = "already_sent", "Nothing was left to cancel"


class IdempotencyInFlight(Conflict):
    code, title = "idempotency_in_flight", "A request with this Idempotency-Key is still running"


class TooLarge(Problem):
    status, code, title = 413, "too_large", "The request body is too large"


class Invalid(Problem):
    status, code, title = 422, "validation_error", "Some fields are not valid"


class IdempotencyMismatch(Problem):
    status, code, title = 422, "idempotency_mismatch", "This Idempotency-Key was used with a different request"


class RateLimited(Problem):
    status, code, title = 429, "rate_limited", "Too many requests"


class Unavailable(Problem):
    status, code, title = 503, "unavailable", "The service cannot take this request right now"


def invalid(field: str, code: str, message: str) -> Invalid:
    """One wrong field, said in one sentence."""
    return Invalid(message, errors=(FieldError(field, code, message),))
