"""Is this really a room's address at that vendor?

An incoming-webhook address is given by merchants and is the key to the room. It may lead to the vendor's own hosts and
nowhere else, and it never shows: not in a timeline, not in a log, not in what is said about it here.
"""

from __future__ import annotations

import re

from yarl import URL

from providers import refusals
from providers.errors import ForbiddenTarget
from providers.refusals import UNREAD, Refusal


def address(given: str, *, host: re.Pattern[str], path: re.Pattern[str], like: str) -> URL:
    """The address, parsed by what also connects to it."""
    try:
        url = URL(given)
        right = url.scheme == "https" and url.port == 443 and not url.user and not url.password
    except ValueError:
        right = False
    if not right or not host.fullmatch(url.host or "") or not path.fullmatch(url.path):
        raise ForbiddenTarget(f"The address must look like {like}")
    return url


def of_status(status: int) -> Refusal:
    """As for any vendor, but an account here has no credentials: one room's address says nothing of the others'."""
    return UNREAD if status == 401 else refusals.of_status(status)
