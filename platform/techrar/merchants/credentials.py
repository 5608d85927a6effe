"""Which key is this, as far as this process knows?

Rows are remembered for less than 30 seconds, so that a request costs no query and a revoked key stops working within
30 seconds everywhere, and at once in the process that revoked it. A key's last use is noted when its row is read, at
most once a minute, so that a busy key costs one UPDATE a minute and not one a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from techrar.core.errors import Unauthorized
from techrar.core.mode import Mode
from techrar.core.ttl_cache import TtlCache
from techrar.merchants import keys
from techrar.merchants.models import ApiKey
from techrar.merchants.rates import Rate, RateLimits

REMEMBER_SECONDS = 25
REMEMBER_KEYS = 10_000
NOTE_USE_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request needs to know of a key."""

    key_id: UUID
    public_id: str
    secret_hash: bytes
    name: str
    merchant_id: int
    merchant_slug: str
    merchant_name: str
    mode: Mode
    scopes: frozenset[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    rates: tuple[Rate, ...]

    def refuse_when_over(self, now: datetime) -> None:
        if self.revoked_at is not None and self.revoked_at <= now:
            raise Unauthorized(f"Key trk_{self.mode}_{self.public_id} was revoked; use another one.")
        if self.expires_at is not None and self.expires_at <= now:
            raise Unauthorized(f"Key trk_{self.mode}_{self.public_id} expired at {self.expires_at:%Y-%m-%d %H:%M} UTC.")


_known: TtlCache[str, Credential] = TtlCache(size=REMEMBER_KEYS, seconds=REMEMBER_SECONDS)


def by_key(text: str, *, now: datetime) -> Credential:
    """The key that was shown; anything else is refused in words that do not say which part was wrong."""
    public_id = keys.public_id_of(text)
    credential = _find(public_id, now) if public_id else None
    if credential is None or not keys.matches(text, credential.secret_hash):
        raise Unauthorized("There is no such API key; check that it was copied whole.")
    credential.refuse_when_over(now)
    return credential


def by_public_id(public_id: str, *, now: datetime) -> Credential:
    """The key a token was made from."""
    credential = _find(public_id, now)
    if credential is None:
        raise Unauthorized("The key this token was made from no longer exists.")
    credential.refuse_when_over(now)
    return credential


def forget(public_id: str) -> None:
    _known.forget(public_id)


def forget_all() -> None:
    _known.clear()


def _find(public_id: str, now: datetime) -> Credential | None:
    known = _known.get(public_id)
    if known is not None:
        return known
    asked_at = _known.clock()
    row = ApiKey.objects.select_related("merchant").filter(public_id=public_id).first()
    if row is None:
        return None
    credential = _credential(row)
    _known.put(public_id, credential, since=asked_at)
    if row.revoked_at is None and (row.last_used_at is None or row.last_used_at <= now - NOTE_USE_EVERY):
        _note_use(row.id, now)
    return credential


def _credential(row: ApiKey) -> Credential:
    merchant = row.merchant
    limits = RateLimits.model_validate(merchant.settings.get("rate_limits", {}))
    return Credential(
        key_id=row.id,
        public_id=row.public_id,
        secret_hash=bytes(row.secret_hash),
        name=row.name,
        merchant_id=merchant.id,
        merchant_slug=merchant.slug,
        merchant_name=merchant.name,
        mode=Mode(row.mode),
        scopes=frozenset(row.scopes),
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        # The braces keep both counters on one node of a cluster.
        rates=(
            Rate(f"{{{merchant.id}}}:key:{row.public_id}", limits.key),
            Rate(f"{{{merchant.id}}}:{row.mode}", limits.merchant),
        ),
    )


def _note_use(key_id: UUID, now: datetime) -> None:
    unnoted = Q(last_used_at=None) | Q(last_used_at__lte=now - NOTE_USE_EVERY)
    ApiKey.objects.filter(unnoted, id=key_id).update(last_used_at=now)
