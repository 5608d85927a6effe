"""Does this request still fit its limits?

Counted in Valkey, for all processes, in one round trip that takes from every limit or from none. When Valkey does not
answer within 50 ms it is left alone for five seconds and each process counts for itself: callers keep being served, and
a limit then holds per process. One line in the log when that begins, one when it ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.conf import settings
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from techrar.merchants.rates import WINDOW_SECONDS, Rate, Standing, Usage, standing

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 0.05
REST_SECONDS = 5.0

# What the library's `acquire_sliding_window` does for one limit, here for several at once: four calls become one.
# A hash per subject holds one counter per slot of the clock; ARGV: window in ms, cost, then the units of each key.
TAKE = """
local t = redis.call('TIME')
local ms = t[1] * 1000 + math.floor(t[2] / 1000)
local window, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
local slot, left = math.floor(ms / window), window - ms % window
local answer, fits = {1, left}, true
for i, key in ipairs(KEYS) do
  local n = redis.call('HMGET', key, slot, slot - 1)
  local current, previous = tonumber(n[1]) or 0, tonumber(n[2]) or 0
  answer[2 * i + 1], answer[2 * i + 2] = current, previous
  fits = fits and current + math.floor(previous * left / window) + cost <= tonumber(ARGV[i + 2])
end
if not fits then answer[1] = 0 return answer end
for i, key in ipairs(KEYS) do
  answer[2 * i + 1] = redis.call('HINCRBY', key, slot, cost)
  if answer[2 * i + 1] == cost then
    redis.call('HDEL', key, slot - 2)
    redis.call('PEXPIRE', key, 3 * window)
  end
end
return answer
"""


class SharedWindows(RedisStorage):
    """Valkey, asked once per request."""

    def __init__(self, url: str) -> None:
        options: dict[str, Any] = {
            "socket_timeout": TIMEOUT_SECONDS,
            "socket_connect_timeout": TIMEOUT_SECONDS,
            "retry": Retry(NoBackoff(), 0),
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        }
        super().__init__(url, **options)
        self._take = self.get_connection().register_script(TAKE.encode())

    def take(self, rates: Sequence[Rate], cost: int) -> Standing:
        keys = [f"techrar:rate:{rate.subject}" for rate in rates]
        answer = self._take(keys=keys, args=[WINDOW_SECONDS * 1000, cost, *(rate.units for rate in rates)])
        usages = [
            Usage(rate, current=answer[2 + 2 * i], previous=answer[3 + 2 * i], left=answer[1] / 1000)
            for i, rate in enumerate(rates)
        ]
        return standing(allowed=bool(answer[0]), usages=usages, cost=cost)


class LocalWindows:
    """This process alone."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._window = SlidingWindowCounterRateLimiter(self._storage)

    def take(self, rates: Sequence[Rate], cost: int) -> Standing:
        items = [(rate, _item(rate.units)) for rate in rates]
        allowed = all(self._window.test(item, rate.subject, cost=cost) for rate, item in items)
        if allowed:
            for rate, item in items:
                self._window.hit(item, rate.subject, cost=cost)
        return standing(allowed=allowed, usages=[self._usage(rate, item) for rate, item in items], cost=cost)

    def _usage(self, rate: Rate, item: RateLimitItemPerSecond) -> Usage:
        previous, _, current, ends = self._storage.get_sliding_window(item.key_for(rate.subject), WINDOW_SECONDS)
        # The library lets a slot's counter live one window longer than the slot.
        return Usage(rate, current=current, previous=previous, left=ends - WINDOW_SECONDS)


class Limiter:
    """Valkey while it answers, this process while it does not."""

    def __init__(self, url: str) -> None:
        self._shared = SharedWindows(url)
        self._local: LocalWindows | None = None
        self._lock = threading.Lock()
        self._rest_until = 0.0  #: monotonic; 0 while Valkey answers

    def take(self, rates: Sequence[Rate], cost: int = 1) -> Standing:
        if self._may_ask():
            try:
                answer = self._shared.take(rates, cost)
            except (RedisError, OSError) as error:
                self._note_outage(error)
            else:
                self._note_recovery()
                return answer
        return self._fallback().take(rates, cost)

    def _may_ask(self) -> bool:
        """During an outage one caller per rest period tries again; the others do not wait for it."""
        if not self._rest_until:
            return True
        with self._lock:
            if time.monotonic() < self._rest_until:
                return False
            self._rest_until = time.monotonic() + REST_SECONDS
            return True

    def _note_outage(self, error: Exception) -> None:
        with self._lock:
            if not self._rest_until:
                log.warning("Valkey does not answer (%s): rate limits hold per process until it does", error)
            self._rest_until = time.monotonic() + REST_SECONDS

    def _note_recovery(self) -> None:
        if self._rest_until:
            with self._lock:
                self._rest_until = 0.0
            log.warning("Valkey answers again: rate limits hold for all processes together")

    def _fallback(self) -> LocalWindows:
        with self._lock:
            if self._local is None:
                self._local = LocalWindows()
            return self._local


@lru_cache(maxsize=256)
def _item(units: int) -> RateLimitItemPerSecond:
    return RateLimitItemPerSecond(units, WINDOW_SECONDS)


@lru_cache(maxsize=1)
def limiter() -> Limiter:
    """One per process, made on first use: a forked worker makes its own."""
    return Limiter(settings.REDIS_URL)
