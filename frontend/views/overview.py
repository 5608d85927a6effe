"""What happened today, and how is the first message sent?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from frontend.members import Seat, seat_of

LATEST = 20
FIRST_MESSAGE = {
    "to": {"email": "delivered@example.com"},
    "content": {"email": {"subject": "Hello", "text": "My first message"}},
}


@dataclass(frozen=True, slots=True)
class Count:
    """One number of the day, in the colour of what it means."""

    label: Any
    tone: str
    n: int


@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    assert request.user.pk is not None  # signed in
    seat = seat_of(request, user_id=request.user.pk)
    if seat is None:
        return render(request, "no_merchant.html", status=403)
    now = datetime.now(UTC)
    counts = _counts(seat, now)
    context = {
        "seat": seat,
        "day": now.date(),
        "counts": counts,
        "total": sum(count.n for count in counts),
        "latest": _latest(seat, now),
        "curl": _curl(seat),
    }
    return render(request, "overview.html", context)


def _counts(seat: Seat, now: datetime) -> list[Count]:
    groups = [(_("On the way"), "busy"), (_("Sent"), "sent"), (_("Delivered"), "good"), (_("Not delivered"), "bad")]
    return [Count(label, tone, 0) for label, tone in groups]


def _latest(seat: Seat, now: datetime) -> list[dict[str, Any]]:
    return []


def _curl(seat: Seat) -> str:
    """Pasted into a shell it sends a message that the sandbox says was delivered."""
    return (
        f"curl -X POST {settings.PUBLIC_URL}/v1/notifications \\\n"
        f'  -H "Authorization: Bearer $TECHRAR_KEY" \\\n'
        f'  -H "Content-Type: application/json" \\\n'
        f"  -d '{json.dumps(FIRST_MESSAGE)}'"
    )
