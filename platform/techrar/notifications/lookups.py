"""What does planning ask the database?

One of these per request, so that the thousand items of a batch ask once for what they share. Unknown names are
remembered, too: a thousand times the same mistake is one query.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from techrar.core.errors import Invalid, NotFound
from techrar.core.mode import Mode
from techrar.core.ttl_cache import TtlCache
from techrar.routing import selectors as routing
from techrar.templating import selectors as templates

_Sender = dict[str, str]
#: Nearly every send asks for the same few, so each process knows them for two seconds.
_senders: TtlCache[tuple[int, Mode, str, str | None], _Sender] = TtlCache(size=4096, seconds=2.0)


class Lookups:
    def __init__(self, *, merchant_id: int, mode: Mode, now: datetime) -> None:
        self.merchant_id = merchant_id
        self.mode = mode
        self.now = now
        self.version = cache(self._version)
        self._found_sender = cache(self._sender)

    def sender(self, channel: str, key: str | None) -> _Sender:
        found = self._found_sender(channel, key)
        if isinstance(found, Invalid):
            raise found
        return found

    def _version(self, key: str, number: int | None) -> UUID | None:
        try:
            found: Any = templates.published_version(self.merchant_id, self.mode, key, number)
        except NotFound:
            return None
        return UUID(str(found.id))

    def _sender(self, channel: str, key: str | None) -> _Sender | Invalid:
        name = (self.merchant_id, self.mode, channel, key)
        found = _senders.get(name)
        if found is None:
            try:
                found = routing.sender(merchant_id=self.merchant_id, mode=self.mode, channel=channel, key=key)
            except Invalid as unknown:
                return unknown
            _senders.put(name, found)
        return found
