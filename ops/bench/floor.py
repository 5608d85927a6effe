"""The least work that any correct design must do, in one bare loop: what a value is measured against.

Two processes; each takes an envelope of 500 ids from RabbitMQ, claims them with one statement, renders and posts each
row (or all of them in one call), writes outcomes and events with two, and acknowledges. No policy, no retries, no
tallies, no fairness, and nobody may die. `python -m ops.bench.floor one|many CALLS URL` is such a process.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import orjson
import pika
import psycopg
import uvloop
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pika.adapters.asyncio_connection import AsyncioConnection

QUEUE = "bench.floor"
ENVELOPE = 500
PREFETCH = 4

TABLES = """
DROP TABLE IF EXISTS floor_delivery, floor_event;
CREATE TABLE floor_delivery (
  id uuid PRIMARY KEY, claim uuid, state smallint NOT NULL, address text NOT NULL, data jsonb NOT NULL, vendor_id text
) WITH (fillfactor = 70);
CREATE TABLE floor_event (
  delivery_id uuid NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(), kind text NOT NULL, detail jsonb
);
"""
SEED = """
INSERT INTO floor_delivery (id, state, address, data)
SELECT (%(time)s || '70008' || lpad(to_hex(n), 11, '0') || '0001')::uuid, 3, 'person' || n || '@example.com',
  jsonb_build_object('name', 'Person ' || n, 'order', n, 'city', 'Riyadh')
FROM generate_series(1, %(count)s) AS n RETURNING id
"""
CLAIM = """
UPDATE floor_delivery SET state = 4, claim = %s WHERE id = ANY(%s) AND state = 3 RETURNING id, address, data
"""
SETTLE = """
UPDATE floor_delivery d SET state = 6, vendor_id = u.vendor_id FROM unnest(%s::uuid[], %s::text[]) AS u(id, vendor_id)
WHERE d.id = u.id
"""


def prepare(connection: psycopg.Connection[Any], amqp: str, count: int) -> None:
    """The rows, and the envelopes in the queue."""
    connection.execute(TABLES)
    values = {"time": f"{int(time.time() * 1000):012x}", "count": count}
    ids = [row[0].hex for row in connection.execute(SEED, values)]
    connection.execute("VACUUM ANALYZE floor_delivery")
    with pika.BlockingConnection(pika.URLParameters(amqp)) as broker:
        channel = broker.channel()
        channel.queue_delete(QUEUE)
        channel.queue_declare(QUEUE, durable=True)
        channel.confirm_delivery()
        for start in range(0, count, ENVELOPE):
            body = orjson.dumps(ids[start : start + ENVELOPE])
            channel.basic_publish("", QUEUE, body, pika.BasicProperties(delivery_mode=2))


class Floor:
    """One of the processes."""

    def __init__(self, url: str, *, many: bool, calls: int) -> None:
        self.url = url
        self.many = many
        self.slots = asyncio.Semaphore(calls)
        self.inbox: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
        self.subject = environment.from_string("Your order {{ order }} is ready, {{ name }}")
        self.html = environment.from_string(
            "<p>Dear {{ name }},</p><p>order <b>{{ order }}</b> waits for you in {{ city }}.</p>"
        )
        self.text = environment.from_string("Dear {{ name }}, order {{ order }} waits for you in {{ city }}.")

    async def run(self, dsn: str, amqp: str) -> None:
        self.claims = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
        self.writes = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
        self.claiming, self.writing = asyncio.Lock(), asyncio.Lock()
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as self.session:
            self.channel = await self._consume(amqp)
            async with asyncio.TaskGroup() as group:
                while True:
                    tag, body = await self.inbox.get()
                    group.create_task(self._envelope(tag, body))

    async def _consume(self, amqp: str) -> Any:
        opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def on_open(connection: Any) -> None:
            connection.channel(on_open_callback=opened.set_result)

        AsyncioConnection(pika.URLParameters(amqp), on_open_callback=on_open)
        channel = await opened
        channel.basic_qos(prefetch_count=PREFETCH)
        channel.basic_consume(QUEUE, lambda _c, method, _p, body: self.inbox.put_nowait((method.delivery_tag, body)))
        return channel

    async def _envelope(self, tag: int, body: bytes) -> None:
        ids = [UUID(i) for i in orjson.loads(body)]
        async with self.claiming:
            rows = await (await self.claims.execute(CLAIM, (uuid4(), ids))).fetchall()
        if self.many:
            rendered = [self._render(row) for row in rows]
            await self._post("/batch", orjson.dumps([row[0].hex for row in rows]))
            assert len(rendered) == len(rows)
        else:
            await asyncio.gather(*[self._one(row) for row in rows])
        done = [row[0] for row in rows]
        async with self.writing, self.writes.transaction(), self.writes.cursor() as cursor:
            await cursor.execute(SETTLE, (done, ["ok"] * len(done)))
            async with cursor.copy("COPY floor_event (delivery_id, kind) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(("uuid", "text"))
                for i in done:
                    await copy.write_row((i, "sent"))
        self.channel.basic_ack(tag)

    async def _one(self, row: Sequence[Any]) -> None:
        async with self.slots:
            await self._post(f"/one/{row[0].hex}", orjson.dumps({"to": row[1], "content": self._render(row)}))

    def _render(self, row: Sequence[Any]) -> dict[str, str]:
        data = row[2]
        return {"subject": self.subject.render(data), "html": self.html.render(data), "text": self.text.render(data)}

    async def _post(self, path: str, body: bytes) -> None:
        async with self.session.post(self.url + path, data=body) as answer:
            await answer.read()
            assert answer.status == 200


def main(kind: str, calls: str, url: str) -> None:
    uvloop.run(
        Floor(url, many=kind == "many", calls=int(calls)).run(os.environ["DATABASE_URL"], os.environ["AMQP_URL"])
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
