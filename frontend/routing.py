"""Which address does a socket open?"""

from __future__ import annotations

from django.urls import URLPattern, re_path

from frontend.sockets import CampaignSocket, NoSuchSocket

websocket_urlpatterns: list[URLPattern] = [
    re_path(r"^ws/v1/campaigns/(?P<campaign_id>[0-9a-f-]{36})$", CampaignSocket.as_asgi()),
    re_path(r"", NoSuchSocket.as_asgi()),  # last: the router would raise for an address it does not know
]
