"""Load on the API as merchants' programs make it, for one's own installation.

    .venv/bin/locust -f ops/bench/locustfile.py --host http://127.0.0.1:8000 -u 50 -r 10 -t 1m --headless

API_KEY names a test key: nothing leaves the house. Of ten requests six send one message, two ask what became of one,
one sends a hundred, and one lists.
"""

from __future__ import annotations

import os
import uuid
from typing import Any

from locust import FastHttpUser, between, task

CONTENT = {"email": {"subject": "Order {{ order }}", "text": "Dear {{ name }}, order {{ order }} is on its way."}}


def message(number: int) -> dict[str, Any]:
    return {"to": {"email": f"delivered+{number}@sandbox.test"}, "data": {"name": "Ann", "order": number}}


class Merchant(FastHttpUser):
    wait_time = between(0.01, 0.1)

    def on_start(self) -> None:
        self.headers = {"Authorization": f"Bearer {os.environ['API_KEY']}"}
        self.sent: list[str] = []

    @task(6)
    def send(self) -> None:
        headers = {**self.headers, "Idempotency-Key": str(uuid.uuid4())}
        body = {**message(len(self.sent)), "content": CONTENT}
        with self.rest("POST", "/v1/notifications", json=body, headers=headers) as answer:
            if answer.js:
                self.sent = [*self.sent[-99:], answer.js["id"]]

    @task(2)
    def ask(self) -> None:
        if self.sent:
            where = f"/v1/notifications/{self.sent[-1]}"
            self.client.get(where, headers=self.headers, name="/v1/notifications/{id}")

    @task(1)
    def send_many(self) -> None:
        body = {"defaults": {"content": CONTENT}, "messages": [message(n) for n in range(100)]}
        self.client.post("/v1/notifications/batch", json=body, headers=self.headers)

    @task(1)
    def list_some(self) -> None:
        self.client.get("/v1/notifications?limit=50", headers=self.headers, name="/v1/notifications")
