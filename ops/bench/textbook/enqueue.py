"""Make the textbook's tables, N messages and a task for each: `python -m ops.bench.textbook.enqueue N`."""

from __future__ import annotations

import sys

from django.db import connection

from ops.bench.textbook import tasks
from ops.bench.textbook.tasks import QUEUE, app, send


def main(count: int) -> None:
    with connection.schema_editor() as editor:
        tables = connection.introspection.table_names()
        for model in (tasks.Log, tasks.Message):
            if model._meta.db_table in tables:
                editor.delete_model(model)
        for model in (tasks.Message, tasks.Log):
            editor.create_model(model)
    messages = [
        tasks.Message(address=f"person{n}@example.com", data={"name": f"Person {n}", "order": n, "city": "Riyadh"})
        for n in range(count)
    ]
    tasks.Message.objects.bulk_create(messages, batch_size=2000)
    with app.connection_for_write() as link:
        link.default_channel.queue_delete(QUEUE)
        with app.amqp.Producer(link) as producer:
            for message in messages:
                send.apply_async((message.id.hex,), producer=producer, priority=1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
