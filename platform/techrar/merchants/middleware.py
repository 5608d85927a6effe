"""How does every answer of the API say how much the caller may still ask for?

A request that no key paid for, such as one without a key or to an address that does not exist, is counted against the
address it came from; past that limit it is answered 429, which leaves callers with a valid key untouched.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from techrar.core.errors import RateLimited
from techrar.core.problems import respond
from techrar.merchants.auth import Principal
from techrar.merchants.limiter import limiter
from techrar.merchants.rates import ANONYMOUS_UNITS, Rate, Standing


class RateLimitMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith("/v1/"):
            return response
        standing: Standing | None = getattr(request, "standing", None)
        if standing is None:
            standing = _count(request)
            if not standing.allowed and not hasattr(request, "principal"):
                response = _refusal(request, standing)
        for name, value in standing.headers().items():
            response[name] = value
        return response


def _count(request: HttpRequest) -> Standing:
    """For what the view did not count: an unmetered operation that failed before its price was known, or no caller."""
    principal: Principal | None = getattr(request, "principal", None)
    rates = principal.rates if principal else (Rate(f"address:{request.META.get('REMOTE_ADDR')}", ANONYMOUS_UNITS),)
    return limiter().take(rates)


def _refusal(request: HttpRequest, standing: Standing) -> HttpResponse:
    detail = f"The limit is {standing.limit:,} units in 10 seconds; try again in {standing.retry_after} s."
    return respond(request, RateLimited(detail, retry_after=standing.retry_after))
