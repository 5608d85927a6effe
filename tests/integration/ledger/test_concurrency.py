"""Many writers at once, in random order, on the same rows and the same counters: nobody locks anybody out for good."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from techrar.dispatch import sweeps
from techrar.ledger.moves import APPLY, Move, parameters
from techrar.ledger.states import State
from tests.support.ledger import Claimed, Ledger, session

S = State
ROWS, ROUNDS = 240, 12
Work = Callable[[Connection[Any], random.Random], None]


def at_once(dsn: str, works: list[Work], seed: int) -> None:
    """Each in a session of its own, all starting together; the first error is raised."""
    start = Barrier(len(works))

    def run(number: int, work: Work) -> None:
        dice = random.Random(f"{seed} {number}")
        with session(dsn) as connection:
            start.wait()
            for _ in range(ROUNDS):
                work(connection, dice)

    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(run, number, work) for number, work in enumerate(works)]:
            done.result()


def write(connection: Connection[Any], moves: list[Move]) -> None:
    """All on one shard, so that they meet in the counters, too."""
    connection.execute(APPLY, parameters(moves, shard=0))


def outcomes(claims: list[Claimed], connection: Connection[Any], dice: random.Random) -> None:
    claimed = dice.choice(claims)
    ids = dice.sample(claimed.ids, min(len(claimed.ids), 10))
    states = [S.SENT, S.FAILED, S.SCHEDULED, S.UNKNOWN, S.DEAD, S.ACCEPTED]
    account = dice.randint(1, 3)
    write(
        connection,
        [
            Move(i, dice.choice(states), "outcome", claimed.id, account_id=account, reason=dice.choice("ab"))
            for i in ids
        ],
    )


def receipts(ids: list[UUID], connection: Connection[Any], dice: random.Random) -> None:
    states = [S.SENT, S.DELIVERED, S.BOUNCED]
    write(connection, [Move(i, dice.choice(states), "receipt") for i in dice.sample(ids, 20)])


def cancels(ids: list[UUID], connection: Connection[Any], dice: random.Random) -> None:
    write(connection, [Move(i, S.CANCELLED, "cancelled") for i in dice.sample(ids, 20)])


@pytest.mark.parametrize("seed", range(3))
def test_writers_in_any_order_do_not_deadlock_and_every_row_is_counted_once(ledger: Ledger, seed: int) -> None:
    ids = ledger.accept(ROWS, merchant=1) + ledger.accept(ROWS, merchant=2)
    claims = [ledger.claim(envelope) for m in (1, 2) for envelope in ledger.reserve(ledger.flow(merchant=m), size=40)]
    works: list[Work] = [partial(outcomes, claims)] * 3 + [partial(receipts, ids)] * 3 + [partial(cancels, ids)] * 2
    at_once(ledger.dsn, works, seed)
    assert sum(ledger.states().values()) == 2 * ROWS
    ledger.assert_balanced()


def test_sweepers_claims_and_outcomes_at_once_lose_nothing(ledger: Ledger) -> None:
    """Every lease is always overdue here and every envelope late: the worst day there can be."""
    ids = ledger.accept(ROWS)
    flow = ledger.flow()
    other = Ledger(ledger.dsn)

    def sweep(connection: Connection[Any], _dice: random.Random) -> None:
        connection.execute("UPDATE claim SET lease_until = now() - interval '1 hour'")
        sweeps.leases(connection)
        connection.execute("UPDATE envelope SET check_at = now()")
        sweeps.envelopes(connection)

    def consume(hand: Ledger, _connection: Connection[Any], dice: random.Random) -> None:
        for envelope in hand.reserve(flow, limit=60, size=20):
            claimed = hand.claim(envelope)
            if claimed.rows and dice.random() < 0.7:
                hand.settle(claimed)

    try:
        at_once(ledger.dsn, [sweep, sweep, partial(consume, ledger), partial(consume, other)], seed=1)
    finally:
        other.close()
    assert sum(ledger.states().values()) == len(ids)
    ledger.assert_balanced()
