"""What must a sending process look up: requests, templates, accounts?

Everything here is cached, because the pipeline asks for each row: versions for ever (they never change), accounts
for two seconds, so that a paused one is left alone soon.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg import AsyncConnection

from consumers.engine.database import Database
from consumers.engine.work import Account
from consumers.handlers.run_requests import RunRequests
from providers.http import Network
from techrar.core.crypto import KeyRing
from techrar.core.mode import Mode
from techrar.ledger import claims
from techrar.routing import accounts as routing
from techrar.routing.choose import choose
from techrar.templating.render import Compiled, compile_content
from techrar.templating.selectors import VersionContent, version_content
from techrar.tracking.dress import Dressed, dress
from techrar.tracking.links import Links

ACCOUNTS_FRESH = 2.0
MOST_COMPILED = 2_000


class Desk:
    def __init__(self, database: Database, *, keys: KeyRing, net: Network, links: Links) -> None:
        self.database = database
        self.keys = keys
        self.net = net
        self.links = links
        self.runs = RunRequests()
        self._accounts: dict[tuple[int, int], tuple[float, tuple[routing.Account, ...]]] = {}
        self._connected: dict[int, tuple[routing.Account, Account]] = {}
        self._compiled: OrderedDict[tuple[UUID, str, str], Compiled] = OrderedDict()
        self._retired: list[Account] = []

    async def requests(self, rows: Sequence[Any]) -> Mapping[UUID, Any]:
        """By notification id, whether a merchant's program asked for it or a campaign."""
        return await self.database.run(lambda connection: self._requests(connection, rows))

    async def _requests(self, connection: AsyncConnection[Any], rows: Sequence[Any]) -> Mapping[UUID, Any]:
        asked = await claims.requests(connection, [row.id for row in rows if not row.run_id])
        return asked | await self.runs.requests(connection, [row for row in rows if row.run_id])

    async def compiled(self, request: Any, channel: str) -> Compiled:
        if request.template_version_id is None:
            return compile_content(channel, request.request["content"][channel])
        key = (request.template_version_id, request.locale, channel)
        found = self._compiled.get(key)
        if found is None:
            version = await asyncio.to_thread(_version, request.template_version_id)
            found = compile_content(channel, version.for_locale(request.locale)[channel])
            self._compiled[key] = found
            if len(self._compiled) > MOST_COMPILED:
                self._compiled.popitem(last=False)
        return found

    async def account(self, row: Any) -> Account | None:
        choice = choose(await self._of(row.merchant_id, row.mode), channel=row.channel)
        return self._connect(choice.account) if choice else None

    def dress(self, row: Any, request: Any, content: Mapping[str, Any]) -> Dressed:
        return dress(row, request.request, content, links=self.links)

    async def close(self) -> None:
        for account in [*self._retired, *(account for _, account in self._connected.values())]:
            await account.provider.close()
        await self.net.close()

    async def _of(self, merchant_id: int, mode: int) -> tuple[routing.Account, ...]:
        known = self._accounts.get((merchant_id, mode))
        if known and time.monotonic() - known[0] < ACCOUNTS_FRESH:
            return known[1]
        found = await self.database.run(
            lambda connection: routing.load_accounts(
                connection, merchant_id=merchant_id, mode=Mode.from_code(mode), keys=self.keys
            )
        )
        self._accounts[(merchant_id, mode)] = (time.monotonic(), found)
        await self._close_idle()
        return found

    async def _close_idle(self) -> None:
        """The calls of an account that has changed end on their own; only then may its sessions go."""
        idle = [account for account in self._retired if not account.in_flight]
        self._retired = [account for account in self._retired if account.in_flight]
        for account in idle:
            await account.provider.close()

    def _connect(self, chosen: routing.Account) -> Account:
        """One adapter per account, made anew when the account has changed."""
        known = self._connected.get(chosen.id)
        if known and known[0].updated_at == chosen.updated_at:
            return known[1]
        if known:
            self._retired.append(known[1])
        account = Account(
            id=chosen.id,
            provider=chosen.connect(self.keys, self.net),
            key=chosen.provider,
            receipt_url=chosen.receipt_url(self.links.public_url),
            concurrency=chosen.calls_at_once(),
        )
        self._connected[chosen.id] = (chosen, account)
        return account


def _version(identifier: UUID) -> VersionContent:
    """In a thread, which may not be used again for hours: its session with the database goes back at once."""
    try:
        return version_content(identifier)
    finally:
        connection.close()
