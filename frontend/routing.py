"""Which address does a socket open?"""

from __future__ import annotations

from django.urls import URLPattern, re_path

from frontend.sockets import NoSuchSocket

websocket_urlpatterns: list[URLPattern] = [
    re_path(r"", NoSuchSocket.as_asgi()),  # last: the router would raise for an address it does not know
]
