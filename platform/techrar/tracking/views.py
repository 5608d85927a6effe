"""`/t/o/{token}`, `/t/c/{token}` and `/u/{token}`: what mail programs and people fetch.

A picture is always shown and a signed link always leads on, whatever the database does. Only a POST unsubscribes:
programs that scan messages follow every link.
"""

from __future__ import annotations

import base64
import logging
from datetime import UTC, datetime
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.encoding import iri_to_uri
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from providers.base import ReceiptKind
from techrar.core.pages import page
from techrar.tracking import services
from techrar.tracking.links import Forged, Kind, Mark, TooOld
from techrar.tracking.machines import is_machine

log = logging.getLogger(__name__)

PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_FRESH = {"Cache-Control": "no-store, max-age=0", "X-Robots-Tag": "noindex"}


@require_safe
def opened(request: HttpRequest, token: str) -> HttpResponse:
    try:
        _saw(ReceiptKind.OPENED, services.links().read(Kind.OPEN, token), request)
    except (Forged, TooOld):
        log.info("a picture was asked for that is not ours, or too old")
    return HttpResponse(PICTURE, content_type="image/gif", headers=_FRESH)


@require_safe
def clicked(request: HttpRequest, token: str) -> HttpResponse:
    """To the address that the signature covers, and to no other."""
    try:
        mark = services.links().read(Kind.CLICK, token)
    except Forged:
        return page(request, 404)
    except TooOld:
        return page(request, 410)
    _saw(ReceiptKind.CLICKED, mark, request)
    return HttpResponse(
        status=302, headers={"Location": iri_to_uri(mark.url), **_FRESH, "Referrer-Policy": "no-referrer"}
    )


@csrf_exempt  # RFC 8058: mail programs bring no cookies, and the signed address is the permission
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    try:
        mark = services.links().read(Kind.UNSUBSCRIBE, token)
        found = _asked(request, mark)
    except Forged:
        return page(request, 404)
    except TooOld:
        return page(request, 410)
    except (OperationalError, InterfaceError) as error:
        log.warning("an unsubscription could not be looked at: %s", error)
        answer = page(request, 503)
        answer["Retry-After"] = "5"
        return answer
    context = {"merchant": found.merchant, "done": request.method == "POST"}
    return HttpResponse(render_to_string("unsubscribe.html", context), headers=_FRESH)


def _asked(request: HttpRequest, mark: Mark) -> Any:
    return services.unsubscribe(mark, now=datetime.now(UTC)) if request.method == "POST" else services.whose(mark)


def _saw(kind: ReceiptKind, mark: Mark, request: HttpRequest) -> None:
    headers = {name.lower(): value for name, value in request.headers.items()}
    services.saw(kind, mark, at=datetime.now(UTC), machine=is_machine(headers, method=str(request.method)))
