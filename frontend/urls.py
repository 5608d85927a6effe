"""Which page is where?"""

from __future__ import annotations

from django.urls import path

from frontend.views.campaigns import campaign, campaigns
from frontend.views.overview import overview
from frontend.views.sign_in import sign_in, sign_out

app_name = "frontend"

urlpatterns = [
    path("", overview, name="overview"),
    path("campaigns", campaigns, name="campaigns"),
    path("campaigns/<uuid:campaign_id>", campaign, name="campaign"),
    path("sign-in", sign_in, name="sign-in"),
    path("sign-out", sign_out, name="sign-out"),
]
