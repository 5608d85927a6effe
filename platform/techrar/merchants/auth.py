"""Who is calling, may they, and how often?

`auth=require("send")` on an operation answers all three: 401 for an unknown caller, 429 for one who asks too much, 403
for a key without the scope. The operation finds the `Principal` at `request.auth`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest
from ninja.security import HttpBearer

from techrar.core.errors import Forbidden, RateLimited, Unauthorized
from techrar.core.mode import Mode
from techrar.merchants import credentials, tokens
from techrar.merchants.credentials import Credential
from techrar.merchants.limiter import limiter
from techrar.merchants.rates import Rate, Standing
from techrar.merchants.scopes import Scope, missing


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: whose data they see, in which mode, and what they may do with it."""

    merchant_id: int
    mode: Mode
    scopes: frozenset[str]
    key_id: UUID
    credential: Credential
    by_token: bool = False

    @property
    def actor(self) -> str:
        """How the audit log names them."""
        return f"key:{self.key_id}"

    @property
    def rates(self) -> tuple[Rate, ...]:
        return self.credential.rates


class BearerAuth(HttpBearer):
    """`metered=False` leaves the counting to an operation that knows its price only from the body (`charge`)."""

    def __init__(self, scopes: tuple[Scope, ...], *, metered: bool) -> None:
        super().__init__()
        self.scopes = scopes
        self.metered = metered

    def __call__(self, request: HttpRequest) -> Principal:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Unauthorized("Send the API key in the header `Authorization: Bearer trk_…`.")
        principal = self.authenticate(request, token.strip())
        request.principal = principal  # type: ignore[attr-defined]  # for what runs after the view
        if self.metered:
            charge(request, principal)
        if lacking := missing(principal.scopes, self.scopes):
            held = ", ".join(sorted(principal.scopes)) or "none"
            raise Forbidden(f"This call needs the scope `{'`, `'.join(lacking)}`; the key has: {held}.")
        return principal

    def authenticate(self, request: HttpRequest, token: str) -> Principal:  # noqa: ARG002  # ninja's
        now = datetime.now(UTC)
        if token.startswith("trk_"):
            return _principal(credentials.by_key(token, now=now))
        return by_token(token, now=now)


def by_token(token: str, *, now: datetime) -> Principal:
    """Who holds this short token; `Unauthorized` when it has ended, or its key has."""
    claims = tokens.read(token)
    credential = credentials.by_public_id(claims.public_id, now=now)
    return _principal(credential, narrowed_to=claims.scopes)


def require(*scopes: Scope | str, metered: bool = True) -> BearerAuth:
    """The `auth=` of an operation: a valid key or token that has all of `scopes`; `admin` implies every scope."""
    return BearerAuth(tuple(Scope(scope) for scope in scopes), metered=metered)


def charge(request: HttpRequest, principal: Principal, cost: int = 1) -> Standing:
    """Take units from the key's and the merchant's limits, or raise `RateLimited`."""
    standing = limiter().take(principal.rates, cost)
    request.standing = standing  # type: ignore[attr-defined]
    if not standing.allowed:
        units = f"this request counts {cost:,}" if cost > 1 else "each request counts one"
        raise RateLimited(
            f"The limit is {standing.limit:,} units in 10 seconds and {units}; "
            f"try again in {standing.retry_after} s, or send in batches.",
            retry_after=standing.retry_after,
        )
    return standing


def _principal(credential: Credential, *, narrowed_to: frozenset[str] | None = None) -> Principal:
    scopes = credential.scopes
    if narrowed_to is not None:
        # A token never holds more than its key holds now, even when the key held more when the token was made.
        scopes = narrowed_to if Scope.ADMIN in scopes else narrowed_to & scopes
    return Principal(
        merchant_id=credential.merchant_id,
        mode=credential.mode,
        scopes=scopes,
        key_id=credential.key_id,
        credential=credential,
        by_token=narrowed_to is not None,
    )
