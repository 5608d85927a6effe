"""A campaign that is never short of recipients: as much is accepted as vendors take, by the statement of the API."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection

from techrar.core.ids import delivery_id, new_notification_id
from techrar.core.mode import Mode
from techrar.ledger.flows import ENSURE_FLOW
from techrar.ledger.tallies import any_shard
from techrar.notifications.sql import ACCEPT
from techrar.policy.priority import Priority

PART = 400
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Audience:
    """What part of the campaign goes where. `{n}` in the address is a number."""

    channel: str
    address: str
    content: dict[str, Any]
    category: str = "transactional"


def audiences(sink: str) -> list[Audience]:
    """One for each channel. After an unclear end the e-mails are held, the others sent again."""
    return [
        Audience("webhook", f"{sink}/bulk/webhook/{{n}}", {"payload": {"n": "{{ n }}"}}),
        Audience("sms", "+1202555{n:04}", {"text": "Hello {{ n }}"}),
        Audience("email", "ann{n}@example.com", {"subject": "Hello", "text": "Hello {{ n }}"}, "marketing"),
    ]


class Campaign:
    """Keeps `backlog` deliveries waiting while it runs. After a lost connection the same part is asked for again."""

    def __init__(self, dsn: str, *, merchant_id: int, taken: Callable[[], int]) -> None:
        self.dsn = dsn
        self.merchant_id = merchant_id
        self.accepted: dict[UUID, str] = {}  #: delivery -> channel
        self._taken = taken  #: how many of the accepted have reached a vendor
        self._connection: Connection[Any] | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, sink: str, *, backlog: int) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(audiences(sink), backlog), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(60)
            assert not self._thread.is_alive(), "the database did not come back"

    def accept(self, audience: Audience, count: int, *, values: dict[str, Any] | None = None) -> list[UUID]:
        """Certainly accepted when this returns: the same ids are asked for until the database says so."""
        notifications = [new_notification_id() for _ in range(count)]
        key = str(notifications[0])
        while True:
            try:
                self._accept(audience, notifications, key, values or {})
                break
            except psycopg.OperationalError:
                self._connection = None
                time.sleep(LOOK_SECONDS)
        ids = [delivery_id(i, 1) for i in notifications]
        self.accepted.update(dict.fromkeys(ids, audience.channel))
        return ids

    def _run(self, parts: Sequence[Audience], backlog: int) -> None:
        turn = 0
        while not self._stop.is_set():
            if len(self.accepted) - self._taken() < backlog:
                self.accept(parts[turn % len(parts)], PART)
                turn += 1
            else:
                self._stop.wait(LOOK_SECONDS)

    def _accept(self, audience: Audience, ids: Sequence[UUID], key: str, values: dict[str, Any]) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.dsn, autocommit=True, connect_timeout=5)
        self._connection.execute(ACCEPT, {**self._columns(self._connection, audience, ids, key), **values})

    def _columns(
        self, connection: Connection[Any], audience: Audience, ids: Sequence[UUID], key: str
    ) -> dict[str, Any]:
        size, priority = len(ids), int(Priority.HIGH)
        owner = {"merchant": self.merchant_id, "mode": Mode.LIVE.code}
        flow = connection.execute(
            ENSURE_FLOW, {**owner, "channel": audience.channel, "run": 0, "priority": priority}
        ).fetchone()
        assert flow is not None
        request = {"to": {}, "content": {audience.channel: audience.content}, "metadata": {}, "sender": {}}
        return {
            **owner,
            "endpoint": "chaos",
            "key": key,
            "fingerprint": b"",
            "answer": b"{}",
            "shard": any_shard(),
            "n_id": list(ids),
            "n_template": [None] * size,
            "n_resend_of": [None] * size,
            "n_scheduled_at": [None] * size,
            "n_priority": [priority] * size,
            "n_category": [audience.category] * size,
            "n_locale": [""] * size,
            "n_recipient": [""] * size,
            "n_recipient_id": [0] * size,
            "n_request": [json.dumps({**request, "data": {"n": n}}) for n in range(size)],
            "d_id": [delivery_id(i, 1) for i in ids],
            "d_replays": [None] * size,
            "d_wake_at": [None] * size,
            "d_expires_at": [None] * size,
            "d_flow": [flow[0]] * size,
            "d_recipient_id": [0] * size,
            "d_priority": [priority] * size,
            "d_channel": [audience.channel] * size,
            "d_category": [audience.category] * size,
            "d_address": [audience.address.format(n=n) for n in range(size)],
        }
