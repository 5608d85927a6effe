"""How do keys come into being, change hands and end?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction

from techrar.core.errors import Conflict, invalid
from techrar.core.mode import Mode
from techrar.merchants import audit, credentials, keys, selectors
from techrar.merchants.models import ApiKey
from techrar.merchants.scopes import Scope

MAX_OVERLAP = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Actor:
    """In whose name a service acts: what the audit log will say."""

    name: str  #: `key:<id>`, `user:<id>` or `system:<what>`
    request_id: str = ""
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    row: ApiKey
    text: str = field(repr=False)  #: the only time it is seen


def create_key(
    *,
    merchant_id: int,
    mode: Mode,
    name: str,
    scopes: Iterable[str],
    actor: Actor,
    now: datetime,
    expires_at: datetime | None = None,
    new_id: Callable[[], UUID] = uuid4,
    mint: Callable[[Mode], keys.MintedKey] = keys.mint,
) -> NewKey:
    if expires_at is not None and expires_at <= now:
        raise invalid("expires_at", "in_the_past", "Must be in the future.")
    minted = mint(mode)
    with transaction.atomic():
        row = ApiKey.objects.create(
            id=new_id(),
            merchant_id=merchant_id,
            mode=mode.value,
            name=name,
            public_id=minted.public_id,
            secret_hash=minted.secret_hash,
            scopes=_ordered(scopes),
            created_at=now,
            created_by_id=actor.user_id,
            expires_at=expires_at,
        )
        _audit(row, "created", actor, now, {"name": name, "scopes": row.scopes})
    return NewKey(row, minted.text)


def rotate_key(
    *,
    merchant_id: int,
    mode: Mode,
    key_id: str,
    overlap: timedelta,
    actor: Actor,
    now: datetime,
) -> NewKey:
    """A successor with the same name, scopes and lifetime; the old key still works for `overlap`."""
    with transaction.atomic():
        old = selectors.key_for_update(merchant_id=merchant_id, mode=mode, key_id=key_id)
        if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
            raise Conflict("The key no longer works, so it has no successor; create a new key instead.")
        lifetime = old.expires_at - old.created_at if old.expires_at else None
        new = create_key(
            merchant_id=merchant_id,
            mode=mode,
            name=old.name,
            scopes=old.scopes,
            actor=actor,
            now=now,
            expires_at=now + lifetime if lifetime else None,
        )
        old.expires_at = min(old.expires_at or now + overlap, now + overlap)
        old.save(update_fields=["expires_at"])
        _audit(old, "rotated", actor, now, {"successor": str(new.row.id), "works_until": old.expires_at.isoformat()})
    credentials.forget(old.public_id)
    return new


def revoke_key(*, merchant_id: int, mode: Mode, key_id: str, actor: Actor, now: datetime) -> ApiKey:
    """Stops working here at once and everywhere within 30 seconds. Revoking twice changes nothing."""
    with transaction.atomic():
        row = selectors.key_for_update(merchant_id=merchant_id, mode=mode, key_id=key_id)
        if row.revoked_at is None:
            row.revoked_at = now
            row.save(update_fields=["revoked_at"])
            _audit(row, "revoked", actor, now, {})
    credentials.forget(row.public_id)
    return row


def _ordered(scopes: Iterable[str]) -> list[str]:
    held = {str(scope) for scope in scopes}
    return [scope.value for scope in Scope if scope in held]


def _audit(row: ApiKey, verb: str, actor: Actor, now: datetime, details: dict[str, object]) -> None:
    audit.record(
        merchant_id=row.merchant_id,
        mode=Mode(row.mode),
        actor=actor.name,
        action=f"api_key.{verb}",
        object_id=row.id,
        now=now,
        request_id=actor.request_id,
        details=details,
    )
