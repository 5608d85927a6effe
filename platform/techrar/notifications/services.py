"""Send, cancel, send again: what a merchant's program may do with a notification."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import orjson
import psycopg
from django.db import connection, transaction

from techrar.core.errors import AlreadySent
from techrar.core.ids import delivery_id
from techrar.core.mode import Mode
from techrar.core.rows import rows
from techrar.dispatch import wake
from techrar.ledger import idempotency
from techrar.ledger.flow_ids import flow_id
from techrar.ledger.idempotency import Answer, Guard
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.states import State, sources
from techrar.ledger.tallies import any_shard
from techrar.notifications import sql
from techrar.notifications.planning import Leg, Plan
from techrar.policy.priority import Priority

#: What a merchant may stop: all that has no claim on it.
STOPPABLE = frozenset(sources(State.CANCELLED)) - {State.SENDING}


def send(
    plans: Sequence[Plan],
    *,
    merchant_id: int,
    mode: Mode,
    guard: Guard | None,
    new_id: Callable[[], UUID],
    answer: Callable[[Sequence[UUID]], Any],
    replays: Sequence[UUID | None] = (),
) -> Answer:
    """Write everything or nothing, in one statement; a repeated key gets the first one's answer.

    `replays` names, plan by plan, the dead delivery that a plan's only leg is sent again for.
    """
    ids = [new_id() for _ in plans]
    body = orjson.dumps(answer(ids), option=orjson.OPT_UTC_Z)
    if not plans:  # every item of a batch was refused: nothing happens, and the key stays free for another try
        return idempotency.find(guard) or Answer(202, body)
    deliveries = _delivery_columns(plans, ids, replays)
    values = {
        "merchant": merchant_id,
        "mode": mode.code,
        "endpoint": None,
        "key": None,
        "fingerprint": None,
        "answer": None,
        "shard": any_shard(),
        **_notification_columns(plans, ids),
        **deliveries,
        **(guard.values(body) if guard else {}),
    }
    if not _accept(values):
        assert guard is not None
        return idempotency.first_answer(guard)
    due = {flow for flow, at in zip(deliveries["d_flow"], deliveries["d_wake_at"], strict=True) if at is None}
    if due:
        transaction.on_commit(partial(wake.poke, due))
    return Answer(202, body)


def _accept(values: Mapping[str, Any]) -> bool:
    """On a cursor of psycopg's own: Django's would have the statement planned anew each time, for half of its cost."""
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    raw.prepare_threshold = 0
    with idempotency.bounded_wait(), connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        row = cursor.execute(sql.ACCEPT, values, prepare=True).fetchone()
    return bool(row and row[0])


def _notification_columns(plans: Sequence[Plan], ids: Sequence[UUID]) -> dict[str, list[Any]]:
    return {
        "n_id": list(ids),
        "n_template": [p.template_version_id for p in plans],
        "n_resend_of": [p.resend_of for p in plans],
        "n_scheduled_at": [p.scheduled_at for p in plans],
        "n_priority": [int(p.priority) for p in plans],
        "n_category": [p.category for p in plans],
        "n_locale": [p.locale for p in plans],
        "n_recipient": [p.recipient for p in plans],
        "n_recipient_id": [p.recipient_id for p in plans],
        "n_request": [p.request for p in plans],
    }


def _delivery_columns(
    plans: Sequence[Plan], ids: Sequence[UUID], replays: Sequence[UUID | None]
) -> dict[str, list[Any]]:
    named = replays or [None] * len(plans)
    legs = [
        (p, delivery_id(i, n), leg, replayed)
        for p, i, replayed in zip(plans, ids, named, strict=True)
        for n, leg in enumerate(p.legs, start=1)
    ]
    return {
        "d_id": [i for _, i, _, _ in legs],
        "d_replays": [replayed for *_, replayed in legs],
        "d_wake_at": [p.scheduled_at for p, *_ in legs],
        "d_expires_at": [p.expires_at for p, *_ in legs],
        "d_flow": [flow_id(p.merchant_id, p.mode, leg.channel, p.priority) for p, _, leg, _ in legs],
        "d_recipient_id": [p.recipient_id for p, *_ in legs],
        "d_priority": [int(p.priority) for p, *_ in legs],
        "d_channel": [leg.channel for _, _, leg, _ in legs],
        "d_category": [p.category for p, *_ in legs],
        "d_address": [leg.address for _, _, leg, _ in legs],
    }


def cancel(deliveries: Sequence[Any]) -> set[UUID]:
    """Stop what was not claimed yet; answer which of these deliveries that were."""
    moves = [
        Move(d.id, State.CANCELLED, kind="cancelled", reason="by_merchant") for d in deliveries if d.state in STOPPABLE
    ]
    moved = rows(APPLY, parameters(moves, shard=any_shard())) if moves else []
    done = {row.id for row in moved if row.state == State.CANCELLED}
    if not done:
        raise AlreadySent("Every delivery of this notification was sent or stopped before, or is being sent right now.")
    return done


def again(row: Any, *, merchant_id: int, mode: Mode, legs: Sequence[Leg]) -> Plan:
    """The same request once more, now."""
    return Plan(
        merchant_id=merchant_id,
        mode=mode,
        category=row.category,
        priority=Priority(row.priority),
        legs=tuple(legs),
        request=orjson.dumps(row.request).decode(),
        template_version_id=row.template_version_id,
        locale=row.locale,
        recipient=row.recipient,
        recipient_id=row.recipient_id,
        resend_of=row.id,
    )
