"""Which address leads where?"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from techrar.api import api
from techrar.health import livez, readyz

handler400 = "techrar.core.pages.bad_request"
handler403 = "techrar.core.pages.forbidden"
handler404 = "techrar.core.pages.not_found"
handler500 = "techrar.core.pages.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", livez),
    path("readyz", readyz),
    path("v1/", api.urls),
    path("", include("techrar.receipts.urls")),
    path("", include("techrar.tracking.urls")),
    path("", include("frontend.urls")),
]
