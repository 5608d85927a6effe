"""Which calls make up the REST API? One line per app."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

from techrar import __version__
from techrar.api_contract import Api
from techrar.api_idempotency import honour_keys
from techrar.audience.api import router as audience
from techrar.campaigns.api import router as campaigns
from techrar.merchants.api import router as merchants
from techrar.notifications.api import router as notifications
from techrar.notifications.api_dead_letters import router as dead_letters
from techrar.templating.api import router as templates


class Docs(DocsBase):
    """Swagger UI from this site's own files: no other host learns who reads, and it works without the internet."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        options = {"url": self.get_openapi_url(api, kwargs), "layout": "BaseLayout", "deepLinking": True}
        return render(request, "api_docs.html", {"options": json.dumps(options), "title": api.title})


api = Api(
    title="Techrar Notification Service",
    version=__version__,
    description="Send email, SMS, push, web push, WhatsApp, in-app, chat and webhook messages, and account for each.",
    urls_namespace="v1",
    docs=Docs(),
)
api.add_decorator(honour_keys, mode="view")
api.add_router("", merchants)
api.add_router("", audience)
api.add_router("", notifications)
api.add_router("", dead_letters)
api.add_router("/templates", templates)
api.add_router("/campaigns", campaigns)
