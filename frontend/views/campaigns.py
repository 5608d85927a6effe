"""Which campaigns are there, and how far is one of them? Kept up to date by `techrar/campaign.js`, readable without."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from frontend.counts import bar, counts
from frontend.members import Seat, seat_of
from techrar.campaigns import selectors
from techrar.campaigns.models import Campaign
from techrar.core.errors import NotFound, Problem

PAGE = 50


@login_required
@require_safe
def campaigns(request: HttpRequest) -> HttpResponse:
    seat = _seat(request)
    if seat is None:
        return render(request, "no_merchant.html", status=403)
    try:
        found, more = selectors.page(
            merchant_id=seat.merchant_id, mode=seat.mode, limit=PAGE, after=request.GET.get("after")
        )
    except Problem:
        raise Http404 from None
    after = found[-1].id if more else None
    return render(request, "campaigns.html", {"seat": seat, "campaigns": found, "after": after})


@login_required
@require_safe
def campaign(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    seat = _seat(request)
    if seat is None:
        return render(request, "no_merchant.html", status=403)
    try:
        found = selectors.campaign(merchant_id=seat.merchant_id, mode=seat.mode, campaign_id=str(campaign_id))
    except NotFound:
        raise Http404 from None
    return render(request, "campaign.html", {"seat": seat, "campaign": found, **_standing(found)})


def _standing(found: Campaign) -> dict[str, Any]:
    run = selectors.last_run(found)
    standing = selectors.standing(run.id) if run else selectors.unlaunched(found)
    shown = counts(standing.counters)
    return {
        "standing": standing,
        "counts": shown,
        "bar": bar(shown),
        "counted": sum(count.n for count in shown),
        "percent": int(standing.expanded * 100),
        "variants": [(v["name"], counts(v["counters"])) for v in standing.variants],
    }


def _seat(request: HttpRequest) -> Seat | None:
    assert request.user.pk is not None  # signed in
    return seat_of(request, user_id=request.user.pk)
