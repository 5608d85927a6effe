"""`POST /hooks/{provider}/{account token}`: where vendors report. 200 only once everything is stored."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from techrar.core.errors import Problem, Unavailable
from techrar.core.problems import respond
from techrar.receipts import services


@csrf_exempt
@require_POST
def hook(request: HttpRequest, provider: str, token: str) -> HttpResponse:
    try:
        count = services.store(
            provider=provider,
            token=token,
            body=request.body,
            headers=dict(request.headers),
            url=services.hook_url(provider, token),
            now=datetime.now(UTC),
        )
    except Problem as problem:
        return respond(request, problem)
    except (OperationalError, InterfaceError):
        return respond(request, Unavailable("The receipt could not be stored; send it again.", retry_after=5))
    return JsonResponse({"stored": count})
