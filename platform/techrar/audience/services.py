"""How do recipients and suppressions come, change and go?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from techrar.audience import sql
from techrar.audience.addresses import Suppressed, columns
from techrar.audience.models import Suppression
from techrar.core.errors import NotFound
from techrar.core.mode import Mode
from techrar.core.rows import rows

Given = Mapping[str, Any]


def upsert(*, merchant_id: int, mode: Mode, recipients: Sequence[tuple[str, Given]]) -> set[str]:
    """Write what is given about each, by external id and normalised; answer the ids that are new.

    A field that is not given stays as it is, None empties it, attributes are merged. Of two that name the same person
    the later has the last word.
    """
    made: set[str] = set()
    for names, group in _by_fields(_once_each(recipients)).items():
        updates = ", ".join(["external_id = EXCLUDED.external_id", *(sql.UPDATES[name] for name in names)])
        values: dict[str, Any] = {"merchant": merchant_id, "mode": mode.code, "external_id": [key for key, _ in group]}
        values |= {name: [given.get(name) for _, given in group] for name in sql.FIELDS}
        values["attributes"] = [Jsonb(given.get("attributes") or {}) for _, given in group]
        made |= {row.external_id for row in rows(sql.UPSERT.format(updates=updates), values) if row.created}
    return made


def _once_each(recipients: Sequence[tuple[str, Given]]) -> dict[str, dict[str, Any]]:
    """One statement may write a row once only."""
    merged: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, given in recipients:
        known = merged[key]
        attributes = {**(known.get("attributes") or {}), **(given.get("attributes") or {})}
        known |= given
        if "attributes" in known:
            known["attributes"] = attributes
    return merged


def _by_fields(merged: Mapping[str, dict[str, Any]]) -> dict[tuple[str, ...], list[tuple[str, dict[str, Any]]]]:
    """Nearly always everybody in a bulk has the same fields, and then it is one statement."""
    groups: dict[tuple[str, ...], list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for key, given in merged.items():
        groups[tuple(sorted(given))].append((key, given))
    return groups


def suppress(*, merchant_id: int, mode: Mode, addresses: Sequence[tuple[str, str, str]]) -> int:
    """Each is a channel, an address in its one spelling, and a reason. What is suppressed already keeps its reason."""
    found = [Suppressed(merchant_id, mode.code, *address) for address in addresses]
    with connection.cursor() as cursor:
        cursor.execute(sql.SUPPRESS, columns(found))
        return int(cursor.rowcount)


def unsuppress(*, merchant_id: int, mode: Mode, suppression_id: int) -> None:
    gone, _ = Suppression.objects.filter(merchant_id=merchant_id, mode=mode.code, id=suppression_id).delete()
    if not gone:
        raise NotFound("There is no suppression with this id.")
