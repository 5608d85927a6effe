"""Where vendors report."""

from __future__ import annotations

from django.urls import path

from techrar.receipts.views import hook

urlpatterns = [path("hooks/<slug:provider>/<str:token>", hook, name="hook")]
