"""What does a campaign say to this recipient?

A campaign's delivery has no notification: what it says is its run's, which never changes and is remembered, and to whom
is the recipient's row, read once for all rows of a claim.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from techrar.audience.sql import BY_ID
from techrar.core.ids import notification_id
from techrar.core.records import by_name

RUNS = "SELECT id, variants, locale, sender, channel, data FROM campaigns_run WHERE id = ANY(%(ids)s::bigint[])"
MOST_RUNS = 1_000
_FIELDS = ("email", "phone", "name", "locale", "timezone", "country", "attributes")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a notification's row says of a send, for one recipient of a run."""

    template_version_id: UUID
    locale: str
    request: Mapping[str, Any]


class RunRequests:
    def __init__(self) -> None:
        self._runs: OrderedDict[int, Any] = OrderedDict()

    async def requests(self, connection: AsyncConnection[Any], rows: Sequence[Any]) -> dict[UUID, Any]:
        """By notification id; a recipient who is gone has none."""
        if not rows:
            return {}
        runs = await self._known(connection, {row.run_id for row in rows})
        people = await _select(connection, BY_ID, {row.recipient_id for row in rows})
        return {
            notification_id(row.id): request_of(runs[row.run_id], row.variant, people[row.recipient_id])
            for row in rows
            if row.run_id in runs and row.recipient_id in people
        }

    async def _known(self, connection: AsyncConnection[Any], ids: set[int]) -> Mapping[int, Any]:
        unknown = ids - self._runs.keys()
        if unknown:
            self._runs |= await _select(connection, RUNS, unknown)
        found = {i: self._runs[i] for i in ids if i in self._runs}
        while len(self._runs) > MOST_RUNS:
            self._runs.popitem(last=False)
        return found


def request_of(run: Any, variant: int, person: Any) -> RunRequest:
    to = {name: value for name in _FIELDS if (value := getattr(person, name))}
    to["recipient"] = person.external_id
    sender = {run.channel: run.sender} if run.sender else {}
    return RunRequest(
        UUID(run.variants[variant]["version_id"]),
        person.locale or run.locale,
        {"to": {"attributes": {}, **to}, "data": run.data, "sender": sender, "metadata": {}},
    )


async def _select(connection: AsyncConnection[Any], statement: str, ids: set[int]) -> dict[int, Any]:
    cursor = connection.cursor(row_factory=by_name)
    await cursor.execute(statement, {"ids": sorted(ids)})
    return {row.id: row for row in await cursor.fetchall()}
