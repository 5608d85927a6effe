"""The textbook's task: get, save "sending", call, save "sent", log. With what makes Celery quick switched on."""

from __future__ import annotations

import os
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "ops.bench.textbook.settings"

import django
import requests
from celery import Celery
from jinja2 import Environment

django.setup()

from ops.bench.textbook.models import Log, Message  # noqa: E402 Django first

__all__ = ["QUEUE", "Log", "Message", "app", "send"]
QUEUE = "bench.textbook"
app = Celery("textbook", broker=os.environ["AMQP_URL"])
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_default_queue=QUEUE,
    task_queue_max_priority=3,
    worker_prefetch_multiplier=8,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
session = requests.Session()
_templates = Environment(autoescape=True)
_subject = _templates.from_string("Your order {{ order }} is ready, {{ name }}")
_html = _templates.from_string("<p>Dear {{ name }},</p><p>order <b>{{ order }}</b> waits for you in {{ city }}.</p>")
_text = _templates.from_string("Dear {{ name }}, order {{ order }} waits for you in {{ city }}.")


@app.task(name="send")
def send(message_id: str) -> None:
    message = Message.objects.get(id=message_id)
    message.status = "sending"
    message.save(update_fields=["status", "updated_at"])
    content: dict[str, Any] = {
        "subject": _subject.render(message.data),
        "html": _html.render(message.data),
        "text": _text.render(message.data),
    }
    url = f"{os.environ['SINK_URL']}/one/{message.id.hex}"
    session.post(url, json={"to": message.address, "content": content}, timeout=10).raise_for_status()
    message.status = "sent"
    message.save(update_fields=["status", "updated_at"])
    Log.objects.create(message=message, event="sent")
