"""How does a delivery change state?

By one set-based statement for many rows: lock by id in id order, check the fence and the state table, write rows,
events and tallies together. Outcomes, receipts, cancels, expiries and sweepers all pass through here, so none of
them can forget a counter. A move with a fence is the word of who holds the row: its facts are kept even where the
state has already gone further, and it counts once, because the hold ends with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from techrar.ledger.arrays import WRITERS, uuids
from techrar.ledger.partitions import span
from techrar.ledger.states import LEGAL, OPEN, PENDING, State, pairs_sql
from techrar.ledger.tallies import BUMP_TALLIES, KEY_OF_DAY


@dataclass(slots=True)
class Move:
    """One delivery's next step. What is None stays as it is."""

    id: UUID
    state: int
    kind: str = ""  #: name of the event; empty writes none
    fence: UUID | None = None  #: who must hold the row; None asks only that the move is open to all
    held_by: UUID | None = None  #: who holds it next: the envelope of a short retry
    delay: float = 0.0  #: seconds until it is due again, for the pending states
    reason: str = ""
    account_id: int | None = None
    attempt: int | None = None
    lost_leases: int | None = None
    possible_duplicate: bool | None = None
    cost_micros: int = 0
    currency: str = ""
    vendor_id: str = ""
    vendor_index: bool = False  #: the vendor does not echo our id, so receipts must find the row by theirs
    at: datetime | None = None  #: when it happened, by somebody else's clock
    age: float = 0.0  #: or how many seconds ago, for the database's
    detail: str | None = None  #: JSON


_TYPES = {
    "id": "uuid",
    "state": "smallint",
    "kind": "text",
    "fence": "uuid",
    "held_by": "uuid",
    "delay": "float8",
    "reason": "text",
    "account_id": "bigint",
    "attempt": "smallint",
    "lost_leases": "smallint",
    "possible_duplicate": "boolean",
    "cost_micros": "bigint",
    "currency": "text",
    "vendor_id": "text",
    "vendor_index": "boolean",
    "at": "timestamptz",
    "age": "float8",
    "detail": "text",
}
_NAMES = tuple(f.name for f in fields(Move))
_WRITERS = tuple((name, WRITERS[_TYPES[name]]) for name in _NAMES)
_ARRAYS = ", ".join(f"%({name})s::{_TYPES[name]}[]" for name in _NAMES)

APPLY = f"""
WITH o AS MATERIALIZED (
  SELECT * FROM unnest({_ARRAYS}) AS o({", ".join(_NAMES)})
), t AS MATERIALIZED (
  SELECT id, state, held_by, account_id, cost_micros, currency, reason
  FROM delivery WHERE id = ANY(%(id)s::uuid[]) AND id BETWEEN %(lo)s AND %(hi)s
  ORDER BY id FOR UPDATE
), j AS MATERIALIZED (
  SELECT o.*, t.state AS old_state, t.account_id AS old_account, t.cost_micros AS old_cost, t.currency AS old_currency,
    t.reason AS old_reason, (t.state, o.state) IN (VALUES {pairs_sql(LEGAL)}) AS legal
  FROM t JOIN o USING (id)
  WHERE CASE WHEN o.fence IS NULL THEN (t.state, o.state) IN (VALUES {pairs_sql(OPEN)})
    ELSE t.held_by = o.fence END
), moved AS (
  UPDATE delivery d SET
    state = CASE WHEN j.legal THEN j.state ELSE d.state END,
    reason = CASE WHEN j.legal THEN j.reason ELSE d.reason END,
    held_by = CASE WHEN j.legal AND j.state = {State.QUEUED:d} THEN j.held_by
                   WHEN j.fence IS NULL AND j.old_state <> {State.QUEUED:d} THEN d.held_by END,
    relay_at = CASE WHEN j.legal AND j.state = {State.ACCEPTED:d} THEN now() END,
    wake_at = CASE WHEN j.legal AND j.state = {State.SCHEDULED:d} THEN now() + j.delay * interval '1 second' END,
    due_at = CASE WHEN j.legal AND j.state <= {State.QUEUED:d} THEN now() + j.delay * interval '1 second'
                  ELSE d.due_at END,
    account_id = COALESCE(j.account_id, d.account_id),
    attempt = COALESCE(j.attempt, d.attempt),
    lost_leases = COALESCE(j.lost_leases, d.lost_leases),
    possible_duplicate = CASE WHEN j.legal THEN COALESCE(j.possible_duplicate, d.possible_duplicate)
                              ELSE d.possible_duplicate END,
    cost_micros = d.cost_micros + j.cost_micros,
    currency = CASE WHEN j.currency <> '' THEN j.currency ELSE d.currency END
  FROM j WHERE d.id = j.id AND d.id BETWEEN %(lo)s AND %(hi)s
  RETURNING d.id, d.merchant_id, d.mode, id_day(d.id) AS day, d.run_id, d.variant, d.channel, d.account_id, d.category,
    d.state, d.reason, d.currency, d.cost_micros, d.attempt, d.flow_id, d.priority, d.held_by, j.legal,
    j.old_state, j.old_account, j.old_reason, j.old_currency, j.old_cost,
    j.kind, j.at, j.age, j.delay, j.reason AS why, j.vendor_id, j.vendor_index, j.detail
), delta AS (
  SELECT {
    KEY_OF_DAY.format(p="", state="old_state", reason="old_reason", account="old_account", currency="old_currency")
},
    -1 AS n, -old_cost AS cost_micros FROM moved
  UNION ALL
  SELECT {KEY_OF_DAY.format(p="", state="state", reason="reason", account="account_id", currency="currency")},
    1, cost_micros FROM moved
), tallied AS ({BUMP_TALLIES}
), told AS (
  INSERT INTO delivery_event (delivery_id, at, account_id, merchant_id, mode, state, attempt, kind, reason, vendor_id,
    detail)
  SELECT id, COALESCE(at, clock_timestamp() - age * interval '1 second'), account_id, merchant_id, mode, state, attempt,
    kind, why, vendor_id, detail::jsonb
  FROM moved WHERE kind <> ''
), indexed AS (
  INSERT INTO vendor_message (account_id, vendor_id, delivery_id)
  SELECT account_id, vendor_id, id FROM moved WHERE vendor_index AND vendor_id <> ''
  ON CONFLICT DO NOTHING
), buried AS (
  INSERT INTO dead_letter (delivery_id, merchant_id, mode, channel, account_id, reason, fingerprint)
  SELECT id, merchant_id, mode, channel, account_id, reason, md5(channel || '|' || account_id || '|' || reason)
  FROM moved WHERE state = {State.DEAD:d} AND legal
  ON CONFLICT DO NOTHING
), reserved AS (
  INSERT INTO envelope (id, flow_id, lane, priority, on_ladder, n, check_at, ids)
  SELECT held_by, min(flow_id), min(CASE WHEN priority = 0 THEN channel || '.urgent' ELSE channel END), min(priority),
    true, count(*), max(now() + delay * interval '1 second') + interval '60 seconds', array_agg(id ORDER BY id)
  FROM moved WHERE state = {State.QUEUED:d} AND legal AND held_by IS NOT NULL GROUP BY held_by
), finished AS (
  DELETE FROM claim WHERE id = ANY(%(done)s::uuid[])
), forgotten AS (
  DELETE FROM begun WHERE claim_id = ANY(%(done)s::uuid[])
)
SELECT id, state, legal, flow_id FROM moved
"""


def parameters(moves: Sequence[Move], *, shard: int, done: Sequence[UUID] = ()) -> dict[str, Any]:
    """The moves as columns. One row may move once in a batch."""
    columns: dict[str, Any] = {name: write([getattr(move, name) for move in moves]) for name, write in _WRITERS}
    lo, hi = span([move.id for move in moves])
    columns.update(lo=lo, hi=hi, shard=shard, done=uuids(done))
    return columns


assert set(_TYPES) == set(_NAMES)
assert PENDING == 0
