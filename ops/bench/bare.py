"""The least that an API over Django can do with a send: parse JSON, insert one row, answer 202. The API's floor."""

from __future__ import annotations

import os
import uuid

os.environ["DJANGO_SETTINGS_MODULE"] = "ops.bench.bare_settings"

import orjson
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path


def accept(request: HttpRequest) -> HttpResponse:
    asked = orjson.loads(request.body)
    identifier = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bare_send (id, request) VALUES (%s, %s)", (identifier, orjson.dumps(asked).decode())
        )
    return HttpResponse(orjson.dumps({"id": str(identifier)}), status=202, content_type="application/json")


def alive(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"ok")


urlpatterns = [path("send", accept), path("livez", alive)]
application = get_wsgi_application()
