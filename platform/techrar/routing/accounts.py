"""What is a provider account, to those who send through it?

Free of Django, so that consumers use it; credentials stay sealed until somebody connects.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from psycopg import AsyncConnection
from psycopg.rows import tuple_row
from pydantic import BaseModel, SecretStr

from providers.base import Provider, ProviderConfig
from providers.http import Network
from providers.registry import channels, provider, sandbox_of
from techrar.core.crypto import KeyRing
from techrar.core.mode import Mode
from techrar.routing import sql

SANDBOX_NAME = "Sandbox"


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    merchant_id: int
    mode: Mode
    channel: str
    provider: str
    name: str
    token: str = field(repr=False)
    sealed: bytes = field(repr=False)
    sandbox: bool
    position: int
    weight: int
    enabled: bool
    paused_reason: str
    concurrency: int | None
    rate_limit: int | None  #: messages a second, of all processes together
    price_micros: int  #: what a message costs, to compare accounts by
    prefixes: tuple[str, ...]  #: serves only addresses that begin so; empty for all
    updated_at: datetime  #: changes with every change: an adapter made from an older state is stale

    @property
    def adapter(self) -> type[Provider] | None:
        """None when this installation lacks it, or when it would reach a real vendor in test mode."""
        found = provider(self.channel, self.provider)
        if found and self.mode is Mode.TEST and not found.capabilities.sandbox:
            return None
        return found

    @property
    def usable(self) -> bool:
        return self.enabled and not self.paused_reason and self.adapter is not None

    def config(self, keys: KeyRing) -> ProviderConfig:
        """Opened now, for this use: secrets do not lie about in caches of rows."""
        if self.adapter is None:
            raise LookupError(f"provider {self.channel}.{self.provider} cannot be used in {self.mode} mode here")
        return self.adapter.Config.model_validate_json(keys.open(self.sealed, place(self.merchant_id, self.token)))

    def connect(self, keys: KeyRing, net: Network) -> Provider:
        config = self.config(keys)
        assert self.adapter is not None
        return self.adapter(config, net)

    def calls_at_once(self) -> int:
        """How many calls of one process may be in flight."""
        if self.concurrency:
            return self.concurrency
        return self.adapter.capabilities.concurrency if self.adapter else 0

    def receipt_url(self, public_url: str) -> str:
        return f"{public_url}/hooks/{self.provider}/{self.token}"


def place(merchant_id: int, token: str) -> bytes:
    """What sealed credentials are bound to."""
    return f"provider-account:{merchant_id}:{token}".encode()


def seal(config: BaseModel, keys: KeyRing, *, merchant_id: int, token: str) -> bytes:
    """A config with its defaults written out, so that a later default does not change an account."""
    return keys.seal(orjson.dumps(_revealed(config.model_dump())), place(merchant_id, token))


def new_token() -> str:
    return secrets.token_urlsafe(24)


def from_row(row: Sequence[Any]) -> Account:
    """In the order of `sql.COLUMNS`."""
    given = dict(zip(sql.COLUMNS.split(", "), row, strict=True))
    return Account(
        sealed=bytes(given.pop("config")),
        **{**given, "mode": Mode(given["mode"]), "prefixes": tuple(given["prefixes"].split())},
    )


def missing_sandboxes(have: Iterable[Account], *, merchant_id: int, mode: Mode, keys: KeyRing) -> list[dict[str, Any]]:
    """The rows to add so that every channel has an account: the built-in sandbox where there is none."""
    served = {account.channel for account in have}
    return [
        _sandbox_row(channel, merchant_id=merchant_id, mode=mode, keys=keys)
        for channel in channels()
        if channel not in served
    ]


async def load_accounts(
    connection: AsyncConnection[Any], *, merchant_id: int, mode: Mode, keys: KeyRing
) -> tuple[Account, ...]:
    """All of a merchant's accounts in one mode, in their order. In test mode every channel has one."""
    found = await _select(connection, sql.ACCOUNTS, {"merchant": merchant_id, "mode": mode.value})
    missing = missing_sandboxes(found, merchant_id=merchant_id, mode=mode, keys=keys) if mode is Mode.TEST else []
    if not missing:
        return found
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.executemany(sql.ADD, missing)
    return await _select(connection, sql.ACCOUNTS, {"merchant": merchant_id, "mode": mode.value})


async def load_account_by_token(connection: AsyncConnection[Any], *, token: str) -> Account | None:
    found = await _select(connection, sql.BY_TOKEN, {"token": token})
    return found[0] if found else None


async def pause(connection: AsyncConnection[Any], *, account: Account, reason: str) -> bool:
    """Stop sending through an account until somebody resumes it, and note who did: this service.

    False when it has changed since: what was wrong may have been mended, or somebody paused it already.
    """
    values = {"id": account.id, "seen": account.updated_at, "reason": reason[:200]}
    cursor = await connection.execute(sql.PAUSE, values)
    return cursor.rowcount == 1


async def _select(connection: AsyncConnection[Any], query: str, values: Mapping[str, Any]) -> tuple[Account, ...]:
    async with connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(query, values)
        return tuple(from_row(row) for row in await cursor.fetchall())


def _sandbox_row(channel: str, *, merchant_id: int, mode: Mode, keys: KeyRing) -> dict[str, Any]:
    adapter, token = sandbox_of(channel), new_token()
    return {
        "merchant": merchant_id,
        "mode": mode.value,
        "channel": channel,
        "provider": adapter.key,
        "name": SANDBOX_NAME,
        "token": token,
        "config": seal(adapter.Config(), keys, merchant_id=merchant_id, token=token),
    }


def _revealed(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _revealed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_revealed(item) for item in value]
    return value
