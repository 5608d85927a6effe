"""Which provider accounts and senders does a merchant have? For the web; consumers read `accounts.load_accounts`."""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from typing import Any, cast

from django.conf import settings
from django.db import connection, transaction
from redis import Redis
from redis.exceptions import RedisError

from techrar.core.crypto import KeyRing
from techrar.core.errors import NotFound, invalid
from techrar.core.mode import Mode
from techrar.routing import sql
from techrar.routing.accounts import Account, from_row, missing_sandboxes
from techrar.routing.models import ProviderAccount, Sender
from techrar.routing.shared import Report, key_of, read

log = logging.getLogger(__name__)

NO_ACCOUNT = "There is no provider account with this id."
LONGEST_ID = 18
TIMEOUT = 0.3


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


def account(*, merchant_id: int, mode: Mode, account_id: int) -> Account:
    found = next((a for a in accounts(merchant_id=merchant_id, mode=mode) if a.id == account_id), None)
    if found is None:
        raise NotFound(NO_ACCOUNT)
    return found


def account_row(*, merchant_id: int, mode: Mode, account_id: int) -> ProviderAccount:
    row = ProviderAccount.objects.filter(merchant_id=merchant_id, mode=mode.value, id=account_id).first()
    if row is None:
        raise NotFound(NO_ACCOUNT)
    return row


def accounts_page(*, merchant_id: int, mode: Mode, limit: int, after: str | None) -> tuple[list[ProviderAccount], bool]:
    """Oldest first; `after` is the id of the last account of the page before. Also says whether more follow."""
    if after is not None and not (after.isascii() and after.isdigit() and len(after) <= LONGEST_ID):
        raise invalid("after", "unknown_cursor", "Use the `after` of the page before, unchanged.")
    accounts(merchant_id=merchant_id, mode=mode)  # in test mode they are made at the first look
    rows = ProviderAccount.objects.filter(merchant_id=merchant_id, mode=mode.value, id__gt=int(after or 0))
    found = list(rows.order_by("id")[: limit + 1])
    return found[:limit], len(found) > limit


def reports(*, account_id: int) -> dict[str, Report] | None:
    """What sending processes said of it lately; None when Valkey does not answer."""
    try:
        said = _valkey().hgetall(key_of(account_id))
    except (RedisError, OSError) as error:
        log.warning("the health of accounts cannot be read from Valkey: %s", error)
        return None
    return read(cast("dict[bytes, bytes]", said), wall=time.time())


def account_for_update(*, merchant_id: int, mode: Mode, account_id: int) -> ProviderAccount:
    """Locked until the transaction ends."""
    rows = ProviderAccount.objects.select_for_update().filter(merchant_id=merchant_id, mode=mode.value, id=account_id)
    row = rows.first()
    if row is None:
        raise NotFound(NO_ACCOUNT)
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


@lru_cache(maxsize=1)
def _valkey() -> Redis:
    """One per process, made on first use."""
    return Redis.from_url(settings.REDIS_URL, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)


def _select(query: str, values: dict[str, Any]) -> tuple[Account, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return tuple(from_row(row) for row in cursor.fetchall())
