"""Which provider accounts and senders does a merchant have? For the web; consumers read `accounts.load_accounts`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection, transaction

from techrar.core.crypto import KeyRing
from techrar.core.errors import NotFound, invalid
from techrar.core.mode import Mode
from techrar.routing import sql
from techrar.routing.accounts import Account, from_row, missing_sandboxes
from techrar.routing.models import ProviderAccount, Sender


def key_ring() -> KeyRing:
    return KeyRing.parse(settings.ENCRYPTION_KEYS)


def accounts(*, merchant_id: int, mode: Mode) -> tuple[Account, ...]:
    """All of a merchant's accounts in one mode, in their order. In test mode every channel has one."""
    found = _select(sql.ACCOUNTS, {"merchant": merchant_id, "mode": mode.value})
    return found if mode is Mode.LIVE else with_sandboxes(found, merchant_id=merchant_id, mode=mode)


def with_sandboxes(found: tuple[Account, ...], *, merchant_id: int, mode: Mode) -> tuple[Account, ...]:
    """The same accounts, and a sandbox for each channel that has none. Two callers at once add it once."""
    missing = missing_sandboxes(found, merchant_id=merchant_id, mode=mode, keys=key_ring())
    if not missing:
        return found
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(sql.ADD, missing)
    return _select(sql.ACCOUNTS, {"merchant": merchant_id, "mode": mode.value})


def account_by_token(*, provider: str, token: str) -> Account:
    """Whose `/hooks/{provider}/{token}` is this? The token is all that says so: it is the secret of that address."""
    found = _select(sql.BY_TOKEN, {"token": token})
    if not found or found[0].provider != provider:
        raise NotFound("There is no provider account with this address.")
    return found[0]


def account_for_update(*, merchant_id: int, mode: Mode, account_id: int) -> ProviderAccount:
    """Locked until the transaction ends."""
    rows = ProviderAccount.objects.select_for_update().filter(merchant_id=merchant_id, mode=mode.value, id=account_id)
    row = rows.first()
    if row is None:
        raise NotFound("There is no provider account with this id.")
    return row


def sender(*, merchant_id: int, mode: Mode, channel: str, key: str | None = None) -> dict[str, str]:
    """What a message's `sender` says: the named one, or the channel's default, or nothing."""
    rows = Sender.objects.filter(merchant_id=merchant_id, mode=mode.value, channel=channel)
    row = rows.filter(key=key).first() if key else rows.filter(is_default=True).first()
    if row is None and key:
        hint = f"There is no {channel} sender {key!r}; create it, or leave `from` out."
        raise invalid("from", "unknown_sender", hint)
    if row is None:
        return {}
    given = {"address": row.address, "name": row.name, "reply_to": row.reply_to}
    return {name: value for name, value in given.items() if value}


def _select(query: str, values: dict[str, Any]) -> tuple[Account, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return tuple(from_row(row) for row in cursor.fetchall())
