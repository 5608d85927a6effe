"""How do those who look at a run hear that it has moved, without anybody waiting for it?

A thread of the process publishes the names of the runs that moved, each at most five times a second; the last move is
always told. A ping carries nothing, so a lost one loses nothing: who looks asks again every few seconds. While Valkey
is away pings are dropped. Plain publishing, and not a channel layer: that would make a subscription for each socket.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from techrar.live.groups import Watched, run_group

log = logging.getLogger(__name__)

SPACING = 0.2
TIMEOUT = 0.5
REST = 1.0


class Pinger:
    def __init__(self, url: str) -> None:
        self.pid = os.getpid()
        self._valkey = Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._moved: set[Watched] = set()
        self._some = threading.Condition()
        self._away = False
        threading.Thread(target=self._run, name="ping", daemon=True).start()

    def ping(self, moved: Iterable[Watched]) -> None:
        """Returns at once, whatever becomes of Valkey."""
        with self._some:
            self._moved.update(moved)
            self._some.notify()

    def _run(self) -> None:
        told: dict[Watched, float] = {}
        while True:
            self._tell(self._due(told))

    def _due(self, told: dict[Watched, float]) -> set[Watched]:
        """Wait for runs that have moved and of which nothing was told for a while."""
        with self._some:
            while True:
                now = time.monotonic()
                for watched in [w for w, at in told.items() if now - at >= SPACING]:
                    del told[watched]
                if due := self._moved - told.keys():
                    self._moved -= due
                    told.update(dict.fromkeys(due, now))
                    return due
                self._some.wait(min(told.values()) + SPACING - now if self._moved else None)

    def _tell(self, due: set[Watched]) -> None:
        try:
            with self._valkey.pipeline(transaction=False) as pipeline:
                for watched in due:
                    pipeline.publish(run_group(watched), b"")
                pipeline.execute()
        except (RedisError, OSError) as error:
            if not self._away:
                log.warning("Valkey is away, live pages look by themselves until it is back: %s", error)
            self._away = True
            time.sleep(REST)
            return
        self._away = False


_pinger: Pinger | None = None
_making = threading.Lock()


def ping(moved: Iterable[Watched]) -> None:
    """Say that these runs have moved. Returns at once."""
    global _pinger
    if _pinger is None or _pinger.pid != os.getpid():
        with _making:
            if _pinger is None or _pinger.pid != os.getpid():
                _pinger = Pinger(settings.REDIS_URL)
    _pinger.ping(moved)
