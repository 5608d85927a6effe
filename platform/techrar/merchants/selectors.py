"""Which keys and members does a merchant have? Every question goes through the merchant."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from techrar.core.errors import NotFound, invalid
from techrar.core.ids import parse_id
from techrar.core.mode import Mode
from techrar.merchants.models import ApiKey, Member


def key(*, merchant_id: int, mode: Mode, key_id: str) -> ApiKey:
    return _one(ApiKey.objects.all(), merchant_id=merchant_id, mode=mode, key_id=key_id)


def key_for_update(*, merchant_id: int, mode: Mode, key_id: str) -> ApiKey:
    """Locked until the transaction ends."""
    return _one(ApiKey.objects.select_for_update(), merchant_id=merchant_id, mode=mode, key_id=key_id)


def keys_page(*, merchant_id: int, mode: Mode, limit: int, after: str | None) -> tuple[list[ApiKey], bool]:
    """Newest first; `after` is the id of the last key of the page before. Also says whether more follow."""
    rows = ApiKey.objects.filter(merchant_id=merchant_id, mode=mode.value).order_by("-created_at", "-id")
    if after is not None:
        last = _last_of_page(merchant_id=merchant_id, mode=mode, after=after)
        rows = rows.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, id__lt=last.id))
    found = list(rows[: limit + 1])
    return found[:limit], len(found) > limit


def memberships(*, user_id: int) -> list[Member]:
    """The merchants a person works for, oldest first."""
    return list(Member.objects.select_related("merchant").filter(user_id=user_id).order_by("id"))


def _last_of_page(*, merchant_id: int, mode: Mode, after: str) -> ApiKey:
    try:
        return key(merchant_id=merchant_id, mode=mode, key_id=after)
    except NotFound:
        raise invalid("after", "unknown_cursor", "Use the `after` of the page before, unchanged.") from None


def _one(rows: QuerySet[ApiKey], *, merchant_id: int, mode: Mode, key_id: str) -> ApiKey:
    identifier = parse_id(key_id)
    row = rows.filter(id=identifier, merchant_id=merchant_id, mode=mode.value).first() if identifier else None
    if row is None:
        raise NotFound(f"There is no API key {key_id[:64]}.")
    return row
