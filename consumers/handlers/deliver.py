"""What must a sending process look up: requests, templates, accounts?

Everything here is cached, because the pipeline asks for each row: versions for ever, since they never change.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg import AsyncConnection

from consumers.engine.database import Database
from consumers.engine.work import Account
from consumers.handlers.routes import Routes
from consumers.handlers.run_requests import RunRequests
from providers.http import Network
from techrar.core.crypto import KeyRing
from techrar.ledger import claims
from techrar.templating.render import Compiled, compile_content
from techrar.templating.selectors import VersionContent, version_content
from techrar.tracking.dress import Dressed, dress
from techrar.tracking.links import Links

MOST_COMPILED = 2_000


class Desk:
    def __init__(self, database: Database, *, keys: KeyRing, net: Network, links: Links) -> None:
        self.database = database
        self.routes = Routes(database, keys=keys, net=net, public_url=links.public_url)
        self.links = links
        self.runs = RunRequests()
        self._compiled: OrderedDict[tuple[UUID, str, str], Compiled] = OrderedDict()

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
        return await self.routes.account(row)

    def dress(self, row: Any, request: Any, content: Mapping[str, Any]) -> Dressed:
        return dress(row, request.request, content, links=self.links)

    async def close(self) -> None:
        await self.routes.close()


def _version(identifier: UUID) -> VersionContent:
    """In a thread, which may not be used again for hours: its session with the database goes back at once."""
    try:
        return version_content(identifier)
    finally:
        connection.close()
