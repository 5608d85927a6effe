"""`POST /hooks/{provider}/{account token}`: where vendors report. 200 only once everything is stored.

Some vendors ask by GET, before they report anything, whether the address expects them.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from providers.messages import ReceiptRequest
from techrar.core.errors import Problem, Unavailable
from techrar.core.problems import respond
from techrar.receipts import services
from techrar.receipts.fetch import fetch


@csrf_exempt
@require_http_methods(["GET", "POST"])
def hook(request: HttpRequest, provider: str, token: str) -> HttpResponse:
    said = ReceiptRequest(
        body=request.body,
        headers=dict(request.headers),
        url=services.hook_url(provider, token, query=request.META["QUERY_STRING"]),
        received_at=datetime.now(UTC),
        fetch=fetch,
    )
    try:
        if request.method == "GET":
            return _challenge(services.answer_challenge(provider=provider, token=token, request=said))
        count = services.store(provider=provider, token=token, request=said)
    except Problem as problem:
        refusal = respond(request, problem)
        # Else Django logs the whole address, whose last part is the account's secret.
        refusal._has_been_logged = True  # type: ignore[attr-defined]
        return refusal
    except (OperationalError, InterfaceError):
        return respond(request, Unavailable("The receipt could not be stored; send it again.", retry_after=5))
    return JsonResponse({"stored": count})


def _challenge(answer: str | None) -> HttpResponse:
    """Plain text, so that no browser takes what was asked for a page."""
    return HttpResponseNotAllowed(["POST"]) if answer is None else HttpResponse(answer, content_type="text/plain")
