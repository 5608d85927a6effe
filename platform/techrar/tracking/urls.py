"""Where the links in our messages lead."""

from __future__ import annotations

from django.urls import path

from techrar.tracking.views import clicked, opened, unsubscribe

urlpatterns = [
    path("t/o/<str:token>", opened, name="opened"),
    path("t/c/<str:token>", clicked, name="clicked"),
    path("u/<str:token>", unsubscribe, name="unsubscribe"),
]
