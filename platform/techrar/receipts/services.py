"""How does a vendor's word get in? Verified over the raw bytes, put into our words, stored once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings
from django.db import connection

from providers.errors import BadReceipt, BadSignature
from providers.messages import ReceiptRequest
from techrar.core.errors import NotFound, Problem
from techrar.core.storable import storable
from techrar.receipts import sql
from techrar.receipts.fetch import fetch
from techrar.routing import selectors


class WrongSignature(Problem):
    status, code, title = 401, "wrong_signature", "The receipt is not signed by the provider"


class Unreadable(Problem):
    status, code, title = 400, "unreadable_receipt", "The receipt cannot be read"


def store(*, provider: str, token: str, body: bytes, headers: Mapping[str, str], url: str, now: datetime) -> int:
    """Keep what is new; answers how many receipts the body held."""
    account = selectors.account_by_token(provider=provider, token=token)
    adapter = account.adapter
    if adapter is None:
        raise NotFound("There is no provider account with this address.")
    request = ReceiptRequest(body=body, headers=headers, url=url, received_at=now, fetch=fetch)
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


def hook_url(provider: str, token: str) -> str:
    return f"{settings.PUBLIC_URL}/hooks/{provider}/{token}"
