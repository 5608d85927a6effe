"""What does planning ask the database?

One of these per request, so that the thousand items of a batch ask once for what they share. Unknown names are
remembered, too: a thousand times the same mistake is one query.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from techrar.audience import selectors as audience
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
        self._versions: dict[tuple[str, int | None], UUID | None] = {}
        self._unknown_senders: dict[tuple[str, str | None], Invalid] = {}
        self._recipients: dict[str, Any] = {}

    def meet(self, external_ids: Collection[str]) -> None:
        """Look these recipients up at once: for whoever is about to ask for each of them."""
        unmet = set(external_ids) - self._recipients.keys()
        if unmet:
            found = audience.by_external_id(merchant_id=self.merchant_id, mode=self.mode, external_ids=unmet)
            self._recipients |= {external_id: found.get(external_id) for external_id in unmet}

    def recipient(self, external_id: str) -> Any | None:
        """What is stored about a recipient, or None when nothing is."""
        self.meet([external_id])
        return self._recipients[external_id]

    def version(self, key: str, number: int | None) -> UUID | None:
        """The version of a template that a send gets, or None when there is none."""
        asked = (key, number)
        if asked not in self._versions:
            try:
                found = templates.published_version(self.merchant_id, self.mode, key, number)
                self._versions[asked] = found.id
            except NotFound:
                self._versions[asked] = None
        return self._versions[asked]

    def sender(self, channel: str, key: str | None) -> _Sender:
        """The named sender or the channel's default; raise `Invalid` when the name is not one."""
        if known := self._unknown_senders.get((channel, key)):
            raise Invalid(known.detail, errors=known.errors)
        name = (self.merchant_id, self.mode, channel, key)
        found = _senders.get(name)
        if found is None:
            try:
                found = routing.sender(merchant_id=self.merchant_id, mode=self.mode, channel=channel, key=key)
            except Invalid as unknown:
                self._unknown_senders[channel, key] = unknown
                raise
            _senders.put(name, found)
        return found
