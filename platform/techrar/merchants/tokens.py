"""How does a browser or a socket call without holding an API key?

With a JWT that a key was swapped for: at most 15 minutes, the key's scopes or fewer, one algorithm, its own signing
key. It dies with the API key it was made from.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import jwt
from django.conf import settings

from techrar.core.errors import Unauthorized

ALGORITHM = "HS256"
ISSUER = "techrar"
AUDIENCE = "techrar-api"
TYPE = "at+jwt"
MAX_SECONDS = 900
LEEWAY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class TokenClaims:
    public_id: str
    scopes: frozenset[str]
    expires_at: datetime


def issue(*, public_id: str, scopes: frozenset[str], seconds: int, now: datetime) -> str:
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"a token lives 1 to {MAX_SECONDS} seconds, not {seconds}")
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": public_id,
        "scope": " ".join(sorted(scopes)),
        "iat": now,
        "exp": now + timedelta(seconds=seconds),
    }
    return jwt.encode(claims, _signing_key(), algorithm=ALGORITHM, headers={"typ": TYPE})


def read(token: str) -> TokenClaims:
    try:
        decoded = jwt.decode_complete(
            token,
            _signing_key(),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "sub", "iat", "exp"]},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthorized("The token has expired; swap the API key for a new one at /v1/auth/token.") from None
    except jwt.InvalidTokenError:
        raise Unauthorized("The token is not one of ours; swap an API key for one at /v1/auth/token.") from None
    claims = decoded["payload"]
    if decoded["header"].get("typ") != TYPE or not isinstance(claims.get("scope"), str):
        raise Unauthorized("The token was made for something else; swap an API key for one at /v1/auth/token.")
    return TokenClaims(
        public_id=claims["sub"],
        scopes=frozenset(claims["scope"].split()),
        expires_at=datetime.fromtimestamp(claims["exp"], tz=UTC),
    )


@lru_cache(maxsize=1)
def _signing_key() -> bytes:
    """Of its own, so that nothing else the secret key signs can be taken for a token."""
    return hashlib.sha512(b"techrar api tokens\x00" + settings.SECRET_KEY.encode()).digest()
