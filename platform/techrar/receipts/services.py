"""How does a vendor's word get in? Verified over the raw bytes, put into our words, stored once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection

from providers.base import Provider
from providers.errors import BadReceipt, BadSignature
from providers.messages import ReceiptKind, ReceiptRequest
from techrar.core.errors import NotFound, Problem
from techrar.core.storable import storable
from techrar.receipts import sql
from techrar.routing import selectors
from techrar.routing.accounts import Account

log = logging.getLogger(__name__)


class WrongSignature(Problem):
    status, code, title = 401, "wrong_signature", "The receipt is not signed by the provider"


class Unreadable(Problem):
    status, code, title = 400, "unreadable_receipt", "The receipt cannot be read"


def store(*, provider: str, token: str, request: ReceiptRequest) -> int:
    """Keep what is new; answers how many receipts the body held."""
    account, adapter = _addressed(provider, token)
    config = account.config(selectors.key_ring())
    try:
        adapter.verify(config, request)
        adapter.confirm(config, request)
        receipts = adapter.parse_receipts(config, request)
    except BadSignature as error:
        raise _refused(account, WrongSignature(f"The signature does not match this account: {error}.")) from None
    except BadReceipt as error:
        raise _refused(account, Unreadable(f"This receipt cannot be read: {error}.")) from None
    if not receipts:
        return 0
    values: dict[str, Any] = {
        "account": account.id,
        "merchant": account.merchant_id,
        "mode": account.mode.code,
        "event_id": [storable(r.event_id) for r in receipts],
        "kind": [r.kind.value for r in receipts],
        "at": [r.at for r in receipts],
        "delivery_id": [r.delivery_id for r in receipts],
        "vendor_id": [storable(r.vendor_id) for r in receipts],
        "reason": [storable(r.reason or "") for r in receipts],
        "permanent": [r.permanent for r in receipts],
        "machine": [r.machine for r in receipts],
        "raw": [orjson.dumps(storable(r.raw), default=str).decode() for r in receipts],
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.STORE, values)
    return len(receipts)


@dataclass(frozen=True, slots=True)
class Seen:
    """What we saw ourselves: an open, a click, a request for no more."""

    kind: ReceiptKind
    delivery_id: UUID
    merchant_id: int
    mode: int
    at: datetime
    event_id: str  #: what has the same one is kept once
    machine: bool = False
    detail: Mapping[str, Any] = field(default_factory=dict)  #: for the timeline


def keep(seen: Sequence[Seen], *, delay: float = 0.0) -> None:
    """Like what vendors say. `delay` is the seconds until it is applied."""
    values: dict[str, Any] = {
        "merchant": [s.merchant_id for s in seen],
        "mode": [s.mode for s in seen],
        "event_id": [s.event_id for s in seen],
        "kind": [s.kind.value for s in seen],
        "at": [s.at for s in seen],
        "delivery_id": [s.delivery_id for s in seen],
        "machine": [s.machine for s in seen],
        "raw": [orjson.dumps(s.detail).decode() for s in seen],
        "delay": delay,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.KEEP, values)


def answer_challenge(*, provider: str, token: str, request: ReceiptRequest) -> str | None:
    """What to say to a vendor that asks whether this address expects it; None when this one never asks."""
    account, adapter = _addressed(provider, token)
    try:
        return adapter.answer_challenge(account.config(selectors.key_ring()), request)
    except BadSignature as error:
        raise _refused(account, WrongSignature(f"This account expects another caller: {error}.")) from None


def _refused(account: Account, problem: Problem) -> Problem:
    """Counted in the log, by account and without a word of what was sent."""
    log.warning("a receipt for account %d (%s) was refused: %s", account.id, account.provider, problem.code)
    return problem


def hook_url(provider: str, token: str, *, query: str = "") -> str:
    """As the vendor sees it, to the letter: some sign it."""
    return f"{settings.PUBLIC_URL}/hooks/{provider}/{token}" + (f"?{query}" if query else "")


def _addressed(provider: str, token: str) -> tuple[Account, type[Provider]]:
    account = selectors.account_by_token(provider=provider, token=token)
    if account.adapter is None:
        raise NotFound("There is no provider account with this address.")
    return account, account.adapter
