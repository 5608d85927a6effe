"""Is this process alive, and can it do its work?

`/livez` answers as long as the process runs. `/readyz` looks at what the process needs: without the database it can
promise nothing (503); without RabbitMQ or Valkey it still accepts and sends later (200, `degraded`, saying which).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

import orjson
import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from redis.backoff import NoBackoff
from redis.retry import Retry

from techrar.broker.link import FAILURES as BROKER_FAILURES
from techrar.broker.publisher import connected

PROBE_SECONDS = 1.0
#: probes are shared: a load balancer that asks often costs no more than one look per second
FRESH_SECONDS = 1.0
ESSENTIAL = "database"
#: what a part that is away raises; anything else is a bug and makes a 500
FAILURES: tuple[type[Exception], ...] = (*BROKER_FAILURES, redis.RedisError, DatabaseError)


def livez(_request: HttpRequest) -> HttpResponse:
    return _json({"status": "ok"}, 200)


def readyz(_request: HttpRequest) -> HttpResponse:
    parts = _board.look()
    if parts[ESSENTIAL] != "ok":
        response = _json({"status": "unavailable", "parts": parts}, 503)
        response["Retry-After"] = "2"
        return response
    healthy = all(state == "ok" for state in parts.values())
    return _json({"status": "ok" if healthy else "degraded", "parts": parts}, 200)


def probe_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()  # gives it back to the pool: this thread keeps none


def probe_valkey() -> None:
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PROBE_SECONDS,
        socket_connect_timeout=PROBE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    with client:
        client.ping()


def probe_broker() -> None:
    """Logs in and says goodbye, so that the broker has nothing to warn about in its log."""
    with connected(settings.AMQP_URL, timeout=PROBE_SECONDS, name="techrar readyz") as connection:
        connection.close()


def probes() -> dict[str, Callable[[], None]]:
    """The parts this installation uses; the ledger transport has no broker."""
    chosen = {ESSENTIAL: probe_database, "valkey": probe_valkey}
    if settings.TRANSPORT == "amqp":
        chosen["broker"] = probe_broker
    return chosen


class Board:
    """The last look at every part, refreshed by at most one look at a time per part, each bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Future[None]] = {}
        self._seen: dict[str, str] = {}
        self._seen_at = float("-inf")

    def look(self) -> dict[str, str]:
        with self._lock:
            if time.monotonic() - self._seen_at > FRESH_SECONDS:
                until = time.monotonic() + PROBE_SECONDS
                started = {part: self._start(part, probe) for part, probe in probes().items()}
                self._seen = {part: _state(future, until) for part, future in started.items()}
                self._seen_at = time.monotonic()
            return self._seen

    def _start(self, part: str, probe: Callable[[], None]) -> Future[None]:
        """A probe that still hangs from the last look is waited for again, not started twice."""
        running = self._running.get(part)
        if running is None or running.done():
            running = self._running[part] = Future()
            # A daemon: a probe that hangs must not keep the process from stopping.
            threading.Thread(target=_run, args=(running, probe), name=f"readyz-{part}", daemon=True).start()
        return running


def _run(future: Future[None], probe: Callable[[], None]) -> None:
    try:
        probe()
    except Exception as error:  # noqa: BLE001  # handed to whoever looks, and raised there
        future.set_exception(error)
    else:
        future.set_result(None)


def _state(future: Future[None], until: float) -> str:
    try:
        future.result(timeout=max(0.0, until - time.monotonic()))
    except FutureTimeout:
        return f"no answer within {PROBE_SECONDS:g} s"
    except FAILURES as error:
        return f"down ({type(error).__name__})"
    return "ok"


def _json(body: dict[str, object], status: int) -> HttpResponse:
    response = HttpResponse(orjson.dumps(body), status=status, content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response


_board = Board()
