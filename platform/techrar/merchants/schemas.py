"""What goes in and out of the calls about keys and callers?"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StrictInt

from techrar.api_schemas import Answer, Body, Moment, ShortName, ShownOnce
from techrar.core.mode import Mode
from techrar.merchants.credentials import Credential
from techrar.merchants.models import ApiKey
from techrar.merchants.scopes import Scope
from techrar.merchants.services import MAX_OVERLAP, NewKey
from techrar.merchants.tokens import MAX_SECONDS

Scopes = Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]


class CreateKey(Body):
    name: ShortName
    scopes: Scopes
    expires_at: Moment | None = Field(None, description="When it stops working. Without it: never.")


class RotateKey(Body):
    overlap_seconds: StrictInt = Field(
        86_400, ge=0, le=int(MAX_OVERLAP.total_seconds()), description="How long the old key still works."
    )


class KeyAnswer(Answer):
    id: str
    name: str
    mode: Mode
    prefix: str = Field(description="The key's visible part: `trk_<mode>_<public id>`.")
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To within a minute or two.")
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: ApiKey) -> KeyAnswer:
        return cls(**_members(row))


class NewKeyAnswer(KeyAnswer, ShownOnce):
    key: str = Field(description="The whole key. It is shown this once and cannot be recovered.")

    @classmethod
    def of_new(cls, new: NewKey) -> NewKeyAnswer:
        return cls(**_members(new.row), key=new.text)


class CreateToken(Body):
    scopes: Scopes | None = Field(None, description="The key's scopes, or fewer. Without it: all of them.")
    expires_in: StrictInt = Field(MAX_SECONDS, ge=1, le=MAX_SECONDS, description="Seconds the token lives.")


class TokenAnswer(Answer):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105  # a word of OAuth, not a secret
    expires_in: int
    scopes: list[Scope]


class MerchantAnswer(Answer):
    slug: str
    name: str


class CallingKey(Answer):
    id: str
    name: str
    scopes: list[Scope] = Field(description="What this call may do; a token may hold fewer than its key.")
    expires_at: datetime | None


class RateLimitAnswer(Answer):
    window_seconds: int
    key: int = Field(description="Units this key may use per window.")
    merchant: int = Field(description="Units all keys of this mode may use per window together.")


class MeAnswer(Answer):
    merchant: MerchantAnswer
    mode: Mode
    key: CallingKey
    rate_limit: RateLimitAnswer


def calling_key(credential: Credential, scopes: frozenset[str]) -> CallingKey:
    return CallingKey(
        id=str(credential.key_id), name=credential.name, scopes=in_order(scopes), expires_at=credential.expires_at
    )


def in_order(scopes: frozenset[str]) -> list[Scope]:
    return [scope for scope in Scope if scope in scopes]


def _members(row: ApiKey) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "mode": Mode(row.mode),
        "prefix": str(row),
        "scopes": [Scope(scope) for scope in row.scopes],
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
        "revoked_at": row.revoked_at,
    }
