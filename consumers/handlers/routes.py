"""Through which account does a row go, and what if that one fails?

Accounts are asked for every two seconds, so that a paused one is left alone soon; rankings are made once for many
rows, and anew when the health of an account changes. Each account has one breaker and one budget in this process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from consumers.engine.database import Database
from consumers.engine.prepare import NoAccount
from consumers.engine.work import Account, clock
from providers.base import Outcome
from providers.http import Network
from techrar.core.crypto import KeyRing
from techrar.core.mode import Mode
from techrar.policy.priority import Priority
from techrar.routing import accounts as routing
from techrar.routing.budget import Budget
from techrar.routing.choose import PROBE_EVERY, Choice, Ranking, another, choose, point_of, rank, route_of
from techrar.routing.health import Health

log = logging.getLogger(__name__)

ACCOUNTS_FRESH = 2.0
#: A pause of a breaker ends by time alone: rankings notice it so soon.
RANKING_FRESH = 0.5
#: How long a stop waits for the database to hear of a refused account. Whoever sends next will find it refused again.
PATIENCE = 5.0
#: Whoever has not called an account for so many seconds leaves its part of the rate to others.
LATELY = 15.0
Key = tuple[int, int]  #: merchant, mode


class Routes:
    def __init__(self, database: Database, *, keys: KeyRing, net: Network, public_url: str) -> None:
        self.database = database
        self.keys = keys
        self.net = net
        self.public_url = public_url
        self.connected: dict[int, tuple[routing.Account, Account]] = {}
        #: when they were read, and whether any of them serves some addresses only
        self._accounts: dict[Key, tuple[float, tuple[routing.Account, ...], bool]] = {}
        self._rankings: dict[tuple[int, int, str, bool, str], tuple[float, Ranking]] = {}
        self._refused: dict[int, routing.Account] = {}  #: the state of an account that its vendor refused
        self._retired: list[Account] = []
        self._pausing: set[asyncio.Task[None]] = set()
        self._turn = 0

    async def account(self, row: Any) -> Account | None:
        accounts = await self._of((row.merchant_id, row.mode))
        found = self._best(row)
        if found is None and not any(account.channel == row.channel and account.enabled for account in accounts):
            raise NoAccount
        return found

    def again(self, row: Any, account: Account) -> Account | None:  # noqa: ARG002 the choice does not depend on it
        return self._best(row)

    def elsewhere(self, row: Any, account: Account) -> bool:
        return another(self._ranking(row), besides=account.id)

    def changed(self) -> None:
        self._rankings.clear()

    def misconfigured(self, account: Account, outcome: Outcome) -> None:
        """At once in this process, and as soon as the database answers in all of them."""
        seen, current = self.connected[account.id]
        if current is not account or self._refused.get(account.id) == seen:
            return
        self._refused[account.id] = seen
        reason = f"refused by the vendor: {outcome.reason}"
        log.error("account %d (%s) of merchant %d is paused: %s", account.id, account.key, seen.merchant_id, reason)
        task = asyncio.create_task(self._pause(seen, reason))
        self._pausing.add(task)
        task.add_done_callback(self._paused)

    async def refresh(self, rows: Sequence[Any]) -> None:
        for key in {(row.merchant_id, row.mode) for row in rows}:
            await self._of(key)

    def in_use(self) -> list[tuple[int | None, Account]]:
        """The accounts this process has called lately, each with what all processes may send in a second."""
        since = clock() - LATELY
        return [
            (chosen.rate_limit, account) for chosen, account in self.connected.values() if account.called_at > since
        ]

    async def close(self) -> None:
        if self._pausing:
            await asyncio.wait(set(self._pausing), timeout=PATIENCE)
        for account in [*self._retired, *(account for _, account in self.connected.values())]:
            await account.provider.close()
        await self.net.close()

    def _paused(self, task: asyncio.Task[None]) -> None:
        self._pausing.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a refused account could not be paused in the database", exc_info=error)

    async def _pause(self, account: routing.Account, reason: str) -> None:
        await self.database.run(partial(routing.pause, account=account, reason=reason))

    def _best(self, row: Any) -> Account | None:
        while choice := self._choose(row):
            try:
                return self._connect(choice.account)
            except Exception:
                # Credentials nobody can open, or that a newer adapter does not take: it is that account's misfortune.
                log.exception("account %d cannot be used until it is changed", choice.account.id)
                self._refused[choice.account.id] = choice.account
                self.changed()
        return None

    def _choose(self, row: Any) -> Choice | None:
        return choose(
            self._ranking(row),
            point=point_of(row.id),
            probe=self._probe,
            tried=row.account_id if row.attempt else None,
        )

    def _probe(self) -> bool:
        """Every so many deliveries one may try an account that is coming back."""
        self._turn += 1
        return self._turn % PROBE_EVERY == 1

    def _ranking(self, row: Any) -> Ranking:
        _, accounts, routed = self._accounts[(row.merchant_id, row.mode)]
        route = route_of(accounts, channel=row.channel, address=row.address) if routed else ""
        urgent = row.priority <= Priority.HIGH
        key = (row.merchant_id, row.mode, row.channel, urgent, route)
        now = clock()
        known = self._rankings.get(key)
        if known and now - known[0] < RANKING_FRESH:
            return known[1]
        usable = [account for account in accounts if self._refused.get(account.id) != account]
        found = rank(usable, channel=row.channel, urgent=urgent, route=route, health=self._health(usable, now))
        self._rankings[key] = (now, found)
        return found

    def _health(self, accounts: Sequence[routing.Account], now: float) -> dict[int, Health]:
        return {a.id: self.connected[a.id][1].breaker.health(now) for a in accounts if a.id in self.connected}

    async def _of(self, key: Key) -> tuple[routing.Account, ...]:
        known = self._accounts.get(key)
        if known and clock() - known[0] < ACCOUNTS_FRESH:
            return known[1]
        merchant, mode = key
        found = await self.database.run(
            lambda connection: routing.load_accounts(
                connection, merchant_id=merchant, mode=Mode.from_code(mode), keys=self.keys
            )
        )
        self._accounts[key] = (clock(), found, any(account.prefixes for account in found))
        if known and known[1] != found:
            self.changed()
        for account in found:
            if account.id in self.connected:
                self.connected[account.id][1].alone = _alone(account, found)
        await self._close_idle()
        return found

    async def _close_idle(self) -> None:
        """The calls of an account that has changed end on their own; only then may its sessions go."""
        idle = [account for account in self._retired if not account.in_flight]
        self._retired = [account for account in self._retired if account.in_flight]
        for account in idle:
            await account.provider.close()

    def _connect(self, chosen: routing.Account) -> Account:
        """One adapter per account, made anew when the account has changed."""
        known = self.connected.get(chosen.id)
        if known and known[0].updated_at == chosen.updated_at:
            return known[1]
        if known:
            self._retired.append(known[1])
        account = Account(
            id=chosen.id,
            provider=chosen.connect(self.keys, self.net),
            key=chosen.provider,
            receipt_url=chosen.receipt_url(self.public_url),
            concurrency=chosen.calls_at_once(),
            alone=_alone(chosen, self._accounts[(chosen.merchant_id, chosen.mode.code)][1]),
            budget=Budget(chosen.rate_limit, clock()),
        )
        self.connected[chosen.id] = (chosen, account)
        return account


def _alone(account: routing.Account, accounts: Sequence[routing.Account]) -> bool:
    return not any(other.channel == account.channel and other.id != account.id for other in accounts)
