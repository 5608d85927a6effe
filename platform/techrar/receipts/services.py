"""How does a vendor's word get in? Verified over the raw bytes, put into our words, stored once."""

from __future__ import annotations

from typing import Any

import orjson
from django.conf import settings
from django.db import connection

from providers.base import Provider
from providers.errors import BadReceipt, BadSignature
from providers.messages import ReceiptRequest
from techrar.core.errors import NotFound, Problem
from techrar.core.storable import storable
from techrar.receipts import sql
from techrar.routing import selectors
from techrar.routing.accounts import Account


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
        raise WrongSignature(f"The signature does not match this account: {error}.") from None
    except BadReceipt as error:
        raise Unreadable(f"This receipt cannot be read: {error}.") from None
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
        "raw": [orjson.dumps(storable(r.raw), default=str).decode() for r in receipts],
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.STORE, values)
    return len(receipts)


def answer_challenge(*, provider: str, token: str, request: ReceiptRequest) -> str | None:
    """What to say to a vendor that asks whether this address expects it; None when this one never asks."""
    account, adapter = _addressed(provider, token)
    try:
        return adapter.answer_challenge(account.config(selectors.key_ring()), request)
    except BadSignature as error:
        raise WrongSignature(f"This account expects another caller: {error}.") from None


def hook_url(provider: str, token: str, *, query: str = "") -> str:
    """As the vendor sees it, to the letter: some sign it."""
    return f"{settings.PUBLIC_URL}/hooks/{provider}/{token}" + (f"?{query}" if query else "")


def _addressed(provider: str, token: str) -> tuple[Account, type[Provider]]:
    account = selectors.account_by_token(provider=provider, token=token)
    if account.adapter is None:
        raise NotFound("There is no provider account with this address.")
    return account, account.adapter
