"""The textbook's two tables."""

from __future__ import annotations

import uuid

from django.db import models


class Message(models.Model):
    objects: models.Manager[Message] = models.Manager()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    status = models.CharField(max_length=20, default="queued", db_index=True)
    address = models.CharField(max_length=200)
    data = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.id)


class Log(models.Model):
    objects: models.Manager[Log] = models.Manager()

    message = models.ForeignKey(Message, on_delete=models.CASCADE)
    event = models.CharField(max_length=20)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.event
