"""Send, cancel, send again: what a merchant's program may do with a notification."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
import psycopg
from django.db import OperationalError, connection

from techrar.core.errors import AlreadySent, IdempotencyInFlight, IdempotencyMismatch, NotFound
from techrar.core.ids import delivery_id, last_delivery_id
from techrar.core.mode import Mode
from techrar.dispatch import wake
from techrar.ledger.flow_ids import flow_id
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.states import State, sources
from techrar.ledger.tallies import SHARDS
from techrar.notifications import sql
from techrar.notifications.planning import Leg, Plan
from techrar.policy.priority import Priority


@dataclass(frozen=True, slots=True)
class Guard:
    """The caller's Idempotency-Key, and what it was used with."""

    endpoint: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    answer: bytes
    status: int = 202
    replayed: bool = False


def fingerprint(body: bytes) -> bytes:
    """Two bodies that mean the same JSON are the same request."""
    return sha256(orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)).digest()


def send(
    plans: Sequence[Plan],
    *,
    merchant_id: int,
    mode: Mode,
    guard: Guard | None,
    new_id: Callable[[], UUID],
    answer: Callable[[Sequence[UUID]], Any],
    replays: Sequence[UUID | None] = (),
) -> Accepted:
    """Write everything or nothing, in one statement; a repeated key gets the first one's answer.

    `replays` names, plan by plan, the dead delivery that a plan's only leg is sent again for.
    """
    ids = [new_id() for _ in plans]
    body = orjson.dumps(answer(ids))
    values = {
        "merchant": merchant_id,
        "mode": mode.code,
        "endpoint": guard.endpoint if guard else None,
        "key": guard.key if guard else None,
        "fingerprint": guard.fingerprint if guard else None,
        "answer": body,
        "shard": random.randrange(SHARDS),  # noqa: S311
        **_notification_columns(plans, ids),
        **_delivery_columns(plans, ids, replays),
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.ACCEPT, values)
            written = cursor.fetchone()[0]
    except OperationalError as error:
        if guard and isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise IdempotencyInFlight(
                "the first request with this Idempotency-Key has not ended yet; ask again", retry_after=1
            ) from None
        raise
    if not written:
        assert guard is not None
        return replay(guard, merchant_id=merchant_id, mode=mode)
    wake.poke(values["d_flow"])
    return Accepted(body)


def replay(guard: Guard, *, merchant_id: int, mode: Mode) -> Accepted:
    """The stored answer of the first request with this key."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT fingerprint, status, answer FROM idempotency"
            " WHERE merchant_id = %s AND mode = %s AND endpoint = %s AND key = %s",
            (merchant_id, mode.code, guard.endpoint, guard.key),
        )
        stored, status, body = cursor.fetchone()
    if bytes(stored) != guard.fingerprint:
        raise IdempotencyMismatch("this Idempotency-Key came with a different body before; use a new key for a new request")
    return Accepted(bytes(body), status=status, replayed=True)


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
        "n_request": [orjson.dumps(p.request).decode() for p in plans],
    }


def _delivery_columns(
    plans: Sequence[Plan], ids: Sequence[UUID], replays: Sequence[UUID | None]
) -> dict[str, list[Any]]:
    named = replays or [None] * len(plans)
    rows = [
        (p, i, n, leg, replayed)
        for p, i, replayed in zip(plans, ids, named, strict=True)
        for n, leg in enumerate(p.legs, start=1)
    ]
    return {
        "d_id": [delivery_id(i, n) for _, i, n, _, _ in rows],
        "d_replays": [replayed for *_, replayed in rows],
        "d_wake_at": [p.scheduled_at for p, *_ in rows],
        "d_expires_at": [p.expires_at for p, *_ in rows],
        "d_flow": [flow_id(p.merchant_id, p.mode, leg.channel, p.priority) for p, _, _, leg, _ in rows],
        "d_priority": [int(p.priority) for p, *_ in rows],
        "d_channel": [leg.channel for _, _, _, leg, _ in rows],
        "d_category": [p.category for p, *_ in rows],
        "d_address": [leg.address for _, _, _, leg, _ in rows],
    }


def cancel(notification: UUID, *, merchant_id: int, mode: Mode) -> list[UUID]:
    """Stop what was not claimed yet; answer which deliveries that were."""
    bounds = {"lo": notification, "hi": last_delivery_id(notification), "merchant": merchant_id, "mode": mode.code}
    stoppable = sources(State.CANCELLED)
    with connection.cursor() as cursor:
        cursor.execute(sql.DELIVERIES, bounds)
        rows = cursor.fetchall()
        if not rows:
            raise NotFound("there is no notification with this id")
        moves = [
            Move(row[0], State.CANCELLED, kind="cancelled", reason="by_merchant")
            for row in rows
            if row[2] in stoppable and row[2] != State.SENDING
        ]
        done = []
        if moves:
            cursor.execute(APPLY, parameters(moves, shard=random.randrange(SHARDS)))  # noqa: S311
            done = [row[0] for row in cursor.fetchall() if row[1] == State.CANCELLED]
    if not done:
        raise AlreadySent("every delivery of this notification has been sent, stopped or is being sent right now")
    return done


def again(row: Any, *, merchant_id: int, mode: Mode, legs: Sequence[Leg]) -> Plan:
    """The same request once more, now."""
    return Plan(
        merchant_id=merchant_id,
        mode=mode,
        category=row.category,
        priority=Priority(row.priority),
        legs=tuple(legs),
        request=row.request,
        template_version_id=row.template_version_id,
        locale=row.locale,
        recipient=row.recipient,
        scheduled_at=None,
        expires_at=None,
        resend_of=row.id,
    )
