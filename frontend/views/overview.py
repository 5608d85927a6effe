"""What happened today, and how is the first message sent?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from frontend.counts import Count, counts
from frontend.members import Seat, seat_of
from techrar.ledger import selectors as ledger
from techrar.notifications import selectors as notifications

LATEST = 20
LOOK_BACK = timedelta(days=30)
FIRST_MESSAGE = {
    "to": {"email": "delivered@sandbox.test"},
    "channels": ["email"],
    "content": {"email": {"subject": "Hello", "text": "It works."}},
}
ALWAYS_SHOWN = 4  #: the rarer ones are shown when there are any


@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    assert request.user.pk is not None  # signed in
    seat = seat_of(request, user_id=request.user.pk)
    if seat is None:
        return render(request, "no_merchant.html", status=403)
    now = datetime.now(UTC)
    shown = _counts(seat, now)
    context = {
        "seat": seat,
        "day": now.date(),
        "counts": shown,
        "total": sum(count.n for count in shown),
        "latest": _latest(seat, now),
        "curl": _curl(),
    }
    return render(request, "overview.html", context)


def _counts(seat: Seat, now: datetime) -> list[Count]:
    """Every delivery of the day is in exactly one of these."""
    by_state = ledger.today(merchant_id=seat.merchant_id, mode=seat.mode, day=now.date())
    return [count for place, count in enumerate(counts(by_state)) if count.n or place < ALWAYS_SHOWN]


def _latest(seat: Seat, now: datetime) -> list[dict[str, Any]]:
    found, _more = notifications.page(
        merchant_id=seat.merchant_id, mode=seat.mode, limit=LATEST, after=None, since=now - LOOK_BACK
    )
    rows = [one.as_out() for one in found]
    return [row | {"channels": ", ".join(sorted({leg["channel"] for leg in row["deliveries"]}))} for row in rows]


def _curl() -> str:
    """Pasted into a shell it sends a message that the sandbox says was delivered."""
    body = ",\n       ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in FIRST_MESSAGE.items())
    return (
        f"curl -X POST {settings.PUBLIC_URL}/v1/notifications \\\n"
        f'  -H "Authorization: Bearer $TECHRAR_KEY" \\\n'
        f'  -H "Content-Type: application/json" \\\n'
        f"  -d '{{{body}}}'"
    )
