"""How does a web process say that there is work, without saying it for every row?"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from techrar.dispatch.sql import CHANNEL
from techrar.dispatch.wake import MOST_NAMED, Waker
from tests.support.ledger import Ledger, session

SOON = 10.0


def hints(connection: Connection[Any], named: set[int], *, timeout: float = SOON) -> int:
    """Listen until all of these were named; answer how many notifications that took, or 0 when they were not."""
    for count, notice in enumerate(connection.notifies(timeout=timeout), start=1):
        named -= {int(flow) for flow in notice.payload.split(",") if flow}
        if not named:
            return count
    return 0


def test_a_thousand_sends_at_once_are_a_handful_of_hints(ledger: Ledger) -> None:
    waker = Waker(ledger.dsn)
    with session(ledger.dsn) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        for n in range(1_000):
            waker.queue.put(n % 7)
        assert 1 <= hints(listener, set(range(7))) <= 20
    end(ledger)


def test_more_flows_than_a_hint_can_name_are_no_error(ledger: Ledger) -> None:
    waker = Waker(ledger.dsn)
    with session(ledger.dsn) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        for n in range(10 * MOST_NAMED):
            waker.queue.put(10**15 + n)
        notice = next(listener.notifies(timeout=SOON))
        assert len(notice.payload.split(",")) <= MOST_NAMED
        waker.queue.put(1)
        assert hints(listener, {1})
    end(ledger)


def test_a_lost_session_is_made_anew(ledger: Ledger) -> None:
    waker = Waker(ledger.dsn)
    with session(ledger.dsn) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        waker.queue.put(1)
        assert hints(listener, {1})
        end(ledger)
        waker.queue.put(2)
        hints(listener, {2}, timeout=0.2)  # may be lost: a hint is only a hint
        waker.queue.put(3)
        assert hints(listener, {3})
    end(ledger)


def end(ledger: Ledger) -> None:
    """Take the wakers' sessions away: their threads end with the process only, and would keep the database busy."""
    ledger.all("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_notify(%%'", {})
