"""A merchant's program that sends a one-time code again and again, through the API of a running web process."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from uuid import UUID, uuid4

from techrar.core.ids import delivery_id

EVERY_SECONDS = 0.1
PAUSE_SECONDS = 0.1
#: The API never makes a caller wait longer; a stalled connection is given up.
TIMEOUT_SECONDS = 5.0


@dataclass(slots=True)
class Urgent:
    """Like a careful client, it repeats what was not answered, with the same Idempotency-Key, until it is accepted."""

    port: int
    key: str
    accepted: dict[UUID, float] = field(default_factory=dict)  #: delivery -> when the API said yes
    refusals: int = 0  #: answers that were no yes, and connections that broke
    failure: Exception | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _connection: http.client.HTTPConnection | None = None

    def start(self, sink: str) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(sink,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """What was begun is asked for until it is accepted."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(90)
            assert not self._thread.is_alive(), "the API did not come back"
        if self.failure is not None:
            raise self.failure

    def _run(self, sink: str) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + EVERY_SECONDS, time.monotonic() - 1)
            try:
                self._send(sink)
            except Exception as error:  # noqa: BLE001 - whoever stops this thread gets it
                self.failure = error
                return

    def _send(self, sink: str) -> None:
        key = uuid4().hex
        message = {
            "to": {"url": f"{sink}/urgent/{key}"},
            "content": {"webhook": {"payload": {"code": "123456"}}},
            "category": "security",
        }
        while True:
            try:
                status, body = self._post(json.dumps(message), key)
            except (OSError, http.client.HTTPException):
                self._connection = None
            else:
                if status == HTTPStatus.ACCEPTED:
                    self.accepted[delivery_id(UUID(json.loads(body)["id"]), 1)] = time.time()
                    return
                if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.CONFLICT:
                    raise AssertionError(f"the API refused an urgent message: {status} {body!r}")
            self.refusals += 1
            time.sleep(PAUSE_SECONDS)

    def _post(self, message: str, key: str) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        self._connection.request("POST", "/v1/notifications", message, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()
