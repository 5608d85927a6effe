"""Who is known, and which addresses are suppressed? Every question goes through the merchant."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet

from techrar.audience import sql
from techrar.audience.models import Recipient, Suppression
from techrar.core.errors import NotFound, invalid
from techrar.core.mode import Mode
from techrar.core.rows import rows


def recipient(*, merchant_id: int, mode: Mode, external_id: str) -> Recipient:
    found = _recipients(merchant_id, mode).filter(external_id=external_id).first()
    if found is None:
        raise NotFound("There is no recipient with this id.")
    return found


def by_external_id(*, merchant_id: int, mode: Mode, external_ids: Collection[str]) -> dict[str, Any]:
    """Those of them that are known, in one query."""
    values = {"merchant": merchant_id, "mode": mode.code, "external_ids": sorted(external_ids)}
    return {row.external_id: row for row in rows(sql.BY_EXTERNAL_ID, values)}


def recipients_page(*, merchant_id: int, mode: Mode, limit: int, after: str | None) -> tuple[list[Recipient], bool]:
    """By external id; `after` is the last one of the page before. Also says whether more follow."""
    found = _recipients(merchant_id, mode).order_by("external_id")
    if after is not None:
        found = found.filter(external_id__gt=after)
    page = list(found[: limit + 1])
    return page[:limit], len(page) > limit


def highest_id(*, merchant_id: int, mode: Mode) -> int:
    """Everybody known now has an id up to this; 0 when nobody is."""
    last = _recipients(merchant_id, mode).order_by("-id").values_list("id", flat=True).first()
    return last or 0


def suppression(*, merchant_id: int, mode: Mode, channel: str, address: str) -> Suppression:
    return _suppressions(merchant_id, mode).get(channel=channel, address=address)


def suppressions_page(
    *, merchant_id: int, mode: Mode, channel: str | None, limit: int, after: str | None
) -> tuple[list[Suppression], bool]:
    """Newest first; `after` is the last id of the page before."""
    found = _suppressions(merchant_id, mode).order_by("-id")
    if channel is not None:
        found = found.filter(channel=channel)
    if after is not None:
        if not after.isdecimal() or len(after) > 18:
            raise invalid("after", "unknown_cursor", "Use the `after` of the page before, unchanged.")
        found = found.filter(id__lt=int(after))
    page = list(found[: limit + 1])
    return page[:limit], len(page) > limit


def _recipients(merchant_id: int, mode: Mode) -> QuerySet[Recipient]:
    return Recipient.objects.filter(merchant_id=merchant_id, mode=mode.code)


def _suppressions(merchant_id: int, mode: Mode) -> QuerySet[Suppression]:
    return Suppression.objects.filter(merchant_id=merchant_id, mode=mode.code)
