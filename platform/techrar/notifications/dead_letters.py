"""What was given up, why, and how is it sent again once the cause is mended?

Dead deliveries are grouped by fingerprint: the same channel, account and reason. A replay is a new notification that
names the old delivery; the old row stays as it was, and is replayed once at most.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from techrar.core.mode import Mode
from techrar.core.rows import rows
from techrar.notifications import services
from techrar.notifications.planning import Leg

MOST_AT_ONCE = 1000
_CURSOR = re.compile(r"(\d{1,18})\.([0-9a-f]{32})")

GROUPS = """
SELECT fingerprint, min(channel) AS channel, min(reason) AS reason, count(*) AS count, min(at) AS oldest,
  max(at) AS newest, (array_agg(delivery_id::text ORDER BY delivery_id DESC))[1:3] AS examples
FROM dead_letter WHERE merchant_id = %(merchant)s AND mode = %(mode)s AND replayed_as IS NULL
GROUP BY fingerprint
HAVING %(count)s::bigint IS NULL OR (-count(*), fingerprint) > (-%(count)s::bigint, %(fingerprint)s::text)
ORDER BY count(*) DESC, fingerprint LIMIT %(limit)s
"""

#: Locked, so that two replays at once do not send a message twice.
CHOSEN = """
SELECT l.delivery_id, d.channel, d.address, n.id, n.template_version_id, n.priority, n.category, n.locale, n.recipient,
  n.recipient_id, n.request
FROM dead_letter l
JOIN delivery d ON d.id = l.delivery_id
JOIN notification n ON n.id = (left(l.delivery_id::text, 32) || '0000')::uuid
WHERE l.merchant_id = %(merchant)s AND l.mode = %(mode)s AND l.replayed_as IS NULL
  AND (%(fingerprint)s::text IS NULL OR l.fingerprint = %(fingerprint)s)
  AND (%(ids)s::uuid[] IS NULL OR l.delivery_id = ANY(%(ids)s))
ORDER BY l.delivery_id LIMIT %(limit)s FOR UPDATE OF l SKIP LOCKED
"""

MARK = """
UPDATE dead_letter l SET replayed_as = u.new
FROM unnest(%(old)s::uuid[], %(new)s::uuid[]) AS u(old, new) WHERE l.delivery_id = u.old
"""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Behind which group the next page begins."""

    count: int
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.count}.{self.fingerprint}"

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        shape = _CURSOR.fullmatch(text)
        return cls(int(shape[1]), shape[2]) if shape else None


@dataclass(frozen=True, slots=True)
class Replay:
    chosen: frozenset[UUID]  #: the dead deliveries
    more: bool
    notifications: list[UUID] = field(default_factory=list)  #: the new ones


def groups(*, merchant_id: int, mode: Mode, limit: int, after: Cursor | None) -> tuple[list[Any], bool]:
    """The largest first, and whether more follow."""
    values = {
        "merchant": merchant_id,
        "mode": mode.code,
        "count": after.count if after else None,
        "fingerprint": after.fingerprint if after else None,
        "limit": limit + 1,
    }
    found = rows(GROUPS, values)
    return found[:limit], len(found) > limit


def replay(
    *,
    merchant_id: int,
    mode: Mode,
    fingerprint: str | None,
    deliveries: Sequence[UUID] | None,
    dry_run: bool,
    new_id: Callable[[], UUID],
) -> Replay:
    """Send again what is still dead. A dry run only counts."""
    values = {
        "merchant": merchant_id,
        "mode": mode.code,
        "fingerprint": fingerprint,
        "ids": list(deliveries) if deliveries is not None else None,
        "limit": MOST_AT_ONCE + 1,
    }
    with transaction.atomic():
        found = rows(CHOSEN, values)
        chosen, more = found[:MOST_AT_ONCE], len(found) > MOST_AT_ONCE
        old = [row.delivery_id for row in chosen]
        if dry_run or not chosen:
            return Replay(frozenset(old), more)
        made: list[UUID] = []
        services.send(
            [
                services.again(row, merchant_id=merchant_id, mode=mode, legs=[Leg(row.channel, row.address)])
                for row in chosen
            ],
            merchant_id=merchant_id,
            mode=mode,
            guard=None,
            new_id=new_id,
            answer=made.extend,
            replays=old,
        )
        with connection.cursor() as cursor:
            cursor.execute(MARK, {"old": old, "new": made})
    return Replay(frozenset(old), more, made)
