"""Which calls manage provider accounts?"""

from __future__ import annotations

from datetime import UTC, datetime

from ninja import Query, Router, Status

from techrar.api_schemas import Page, PageInfo, PageQuery, never_kept
from techrar.core.errors import Conflict, NotFound
from techrar.core.problems import request_id_of
from techrar.core.storable import storable
from techrar.merchants.api import Call
from techrar.merchants.auth import require
from techrar.merchants.services import Actor
from techrar.routing import selectors, services, trial
from techrar.routing.models import ProviderAccount
from techrar.routing.schemas import (
    ChangeProvider,
    CreateProvider,
    ExchangeAnswer,
    HealthAnswer,
    PauseProvider,
    ProviderAnswer,
    TestProvider,
)

router = Router(tags=["provider accounts"])


@router.get("", auth=require("read"), response=Page[ProviderAnswer], operation_id="list_providers")
def list_providers(request: Call, page: Query[PageQuery]) -> Page[ProviderAnswer]:
    """The merchant's accounts of this key's mode, oldest first."""
    rows, has_more = selectors.accounts_page(
        merchant_id=request.auth.merchant_id, mode=request.auth.mode, limit=page.limit, after=page.after
    )
    after = str(rows[-1].id) if has_more else None
    return Page(entries=[ProviderAnswer.of(row) for row in rows], page_info=PageInfo(after=after, has_more=has_more))


@router.post("", auth=require("admin"), response={201: ProviderAnswer}, operation_id="create_provider")
def create_provider(request: Call, payload: CreateProvider) -> Status[ProviderAnswer]:
    """The provider's own fields are checked; a field that is wrong is named as `config.<field>`."""
    row = services.create_account(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        **payload.model_dump(),
        actor=_actor(request),
        now=datetime.now(UTC),
    )
    return Status(201, ProviderAnswer.of(row))


@router.get("/{provider_id}", auth=require("read"), response=ProviderAnswer, operation_id="get_provider")
def get_provider(request: Call, provider_id: str) -> ProviderAnswer:
    return ProviderAnswer.of(_row(request, provider_id))


@router.patch("/{provider_id}", auth=require("admin"), response=ProviderAnswer, operation_id="change_provider")
def change_provider(request: Call, provider_id: str, payload: ChangeProvider) -> ProviderAnswer:
    """What is left out stays. New credentials take effect within two seconds; a paused account stays paused."""
    row = services.change_account(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        account_id=_number(provider_id),
        changes=payload.model_dump(exclude_unset=True),
        actor=_actor(request),
        now=datetime.now(UTC),
    )
    return ProviderAnswer.of(row)


@router.post("/{provider_id}/pause", auth=require("admin"), response=ProviderAnswer, operation_id="pause_provider")
def pause_provider(request: Call, provider_id: str, payload: PauseProvider) -> ProviderAnswer:
    """Within two seconds nothing more goes through it. What waits goes through the next account, or waits."""
    row = services.pause_account(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        account_id=_number(provider_id),
        reason=payload.reason,
        actor=_actor(request),
        now=datetime.now(UTC),
    )
    return ProviderAnswer.of(row)


@router.post("/{provider_id}/resume", auth=require("admin"), response=ProviderAnswer, operation_id="resume_provider")
def resume_provider(request: Call, provider_id: str) -> ProviderAnswer:
    row = services.resume_account(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        account_id=_number(provider_id),
        actor=_actor(request),
        now=datetime.now(UTC),
    )
    return ProviderAnswer.of(row)


@router.get("/{provider_id}/health", auth=require("read"), response=HealthAnswer, operation_id="get_provider_health")
def get_provider_health(request: Call, provider_id: str) -> HealthAnswer:
    """What each sending process thinks of it."""
    row = _row(request, provider_id)
    return HealthAnswer.of(row, selectors.reports(account_id=row.id))


@router.post("/{provider_id}/test", auth=require("admin"), response=ExchangeAnswer, operation_id="test_provider")
@never_kept
def test_provider(request: Call, provider_id: str, payload: TestProvider) -> ExchangeAnswer:
    """Sends the channel's example through the account, paused or not, and tells what the vendor said.

    A live account reaches a real address, and its vendor may charge for it. Takes no Idempotency-Key: each call sends.
    """
    account = selectors.account(
        merchant_id=request.auth.merchant_id, mode=request.auth.mode, account_id=_number(provider_id)
    )
    if account.adapter is None:
        raise Conflict(f"The provider {account.provider!r} is not installed here.")
    outcome = trial.send(account, to=payload.to)
    return ExchangeAnswer(
        outcome=outcome.kind,
        reason=outcome.reason,
        vendor_id=storable(outcome.vendor_id),
        latency_ms=outcome.latency_ms,
        cost_micros=outcome.cost_micros,
        currency=outcome.currency,
        exchange=storable(dict(outcome.detail)),
    )


def _row(request: Call, provider_id: str) -> ProviderAccount:
    return selectors.account_row(
        merchant_id=request.auth.merchant_id, mode=request.auth.mode, account_id=_number(provider_id)
    )


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise NotFound("There is no provider account with this id.")
    return int(text)


def _actor(request: Call) -> Actor:
    return Actor(name=request.auth.actor, request_id=request_id_of(request))
