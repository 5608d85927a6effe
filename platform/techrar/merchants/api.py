"""Which calls tell who is calling, and manage the keys to call with?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest
from ninja import Query, Router, Status

from techrar.api_schemas import Page, PageInfo, PageQuery
from techrar.core.errors import Forbidden
from techrar.core.problems import request_id_of
from techrar.merchants import selectors, services, tokens
from techrar.merchants.auth import Principal, require
from techrar.merchants.rates import WINDOW_SECONDS
from techrar.merchants.schemas import (
    CreateKey,
    CreateToken,
    KeyAnswer,
    MeAnswer,
    MerchantAnswer,
    NewKeyAnswer,
    RateLimitAnswer,
    RotateKey,
    TokenAnswer,
    calling_key,
    in_order,
)
from techrar.merchants.scopes import missing
from techrar.merchants.services import Actor

router = Router(tags=["account"])


class Call(HttpRequest):
    """A request whose caller is known."""

    auth: Principal


@router.get("/me", auth=require(), response=MeAnswer, operation_id="me", summary="Who am I?")
def me(request: Call) -> MeAnswer:
    """The merchant, mode and scopes of the key this call was made with, and its rate limits."""
    caller = request.auth
    credential = caller.credential
    key_rate, merchant_rate = caller.rates
    return MeAnswer(
        merchant=MerchantAnswer(slug=credential.merchant_slug, name=credential.merchant_name),
        mode=caller.mode,
        key=calling_key(credential, caller.scopes),
        rate_limit=RateLimitAnswer(window_seconds=WINDOW_SECONDS, key=key_rate.units, merchant=merchant_rate.units),
    )


@router.post(
    "/auth/token", auth=require(), response=TokenAnswer, operation_id="create_token", summary="Swap the key for a token"
)
def create_token(request: Call, payload: CreateToken) -> TokenAnswer:
    """A JWT for at most 15 minutes, for browsers and sockets. It ends when the key it was made from ends."""
    caller = request.auth
    if caller.by_token:
        raise Forbidden("A token cannot be swapped for another one; use the API key.")
    wanted = frozenset(payload.scopes) if payload.scopes else caller.scopes
    if lacking := missing(caller.scopes, sorted(wanted)):
        raise Forbidden(f"The key does not have the scope `{'`, `'.join(lacking)}`, so its token cannot.")
    token = tokens.issue(
        public_id=caller.credential.public_id, scopes=wanted, seconds=payload.expires_in, now=datetime.now(UTC)
    )
    return TokenAnswer(access_token=token, expires_in=payload.expires_in, scopes=in_order(wanted))


@router.get("/api-keys", auth=require("admin"), response=Page[KeyAnswer], operation_id="list_api_keys")
def list_keys(request: Call, page: Query[PageQuery]) -> Page[KeyAnswer]:
    """The merchant's keys of this key's mode, newest first, revoked ones included."""
    caller = request.auth
    rows, has_more = selectors.keys_page(
        merchant_id=caller.merchant_id, mode=caller.mode, limit=page.limit, after=page.after
    )
    after = str(rows[-1].id) if has_more else None
    return Page(entries=[KeyAnswer.of(row) for row in rows], page_info=PageInfo(after=after, has_more=has_more))


@router.post("/api-keys", auth=require("admin"), response={201: NewKeyAnswer}, operation_id="create_api_key")
def create_key(request: Call, payload: CreateKey) -> Status[NewKeyAnswer]:
    """A new key of the same mode as the calling one. The whole key is in this answer and nowhere else."""
    new = services.create_key(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        name=payload.name,
        scopes=payload.scopes,
        expires_at=payload.expires_at,
        actor=_actor(request),
        now=datetime.now(UTC),
    )
    return Status(201, NewKeyAnswer.of_new(new))


@router.get("/api-keys/{key_id}", auth=require("admin"), response=KeyAnswer, operation_id="get_api_key")
def get_key(request: Call, key_id: str) -> KeyAnswer:
    return KeyAnswer.of(selectors.key(merchant_id=request.auth.merchant_id, mode=request.auth.mode, key_id=key_id))


@router.post(
    "/api-keys/{key_id}/rotate", auth=require("admin"), response={201: NewKeyAnswer}, operation_id="rotate_api_key"
)
def rotate_key(request: Call, key_id: str, payload: RotateKey) -> Status[NewKeyAnswer]:
    """A successor with the same name, scopes and lifetime. The old key keeps working for the overlap."""
    new = services.rotate_key(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        key_id=key_id,
        overlap=timedelta(seconds=payload.overlap_seconds),
        actor=_actor(request),
        now=datetime.now(UTC),
    )
    return Status(201, NewKeyAnswer.of_new(new))


@router.post("/api-keys/{key_id}/revoke", auth=require("admin"), response=KeyAnswer, operation_id="revoke_api_key")
def revoke_key(request: Call, key_id: str) -> KeyAnswer:
    """Stops the key everywhere within 30 seconds. Revoking it again changes nothing."""
    row = services.revoke_key(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        key_id=key_id,
        actor=_actor(request),
        now=datetime.now(UTC),
    )
    return KeyAnswer.of(row)


def _actor(request: Call) -> Actor:
    return Actor(name=request.auth.actor, request_id=request_id_of(request))
