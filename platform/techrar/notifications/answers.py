"""What does a merchant read about what was sent?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from techrar.api_schemas import Answer, Page, WrongField


class SentDelivery(Answer):
    id: str
    channel: str
    status: str


class SendOut(Answer):
    id: str
    status: str
    scheduled_at: datetime | None = None
    deliveries: list[SentDelivery]


class ResendOut(SendOut):
    resend_of: str


class BatchError(Answer):
    code: str
    message: str
    errors: list[WrongField] = Field(description="Paths begin with `messages.<index>`, or `defaults`.")


class BatchItem(Answer):
    index: int
    id: str | None = None
    error: BatchError | None = None


class BatchOut(Answer):
    accepted: int
    failed: int
    items: list[BatchItem]


class DeliveryOut(SentDelivery):
    reason: str = Field(description="Why it failed, was skipped or waits; empty when all is well.")
    possible_duplicate: bool = Field(description="Sent again after an attempt whose end nobody saw.")
    attempts: int
    opened_at: datetime | None
    clicked_at: datetime | None
    read_at: datetime | None


class NotificationOut(Answer):
    id: str
    status: str = Field(description="Of the delivery that is least finished; among finished ones, of the best.")
    scheduled_at: datetime | None
    deliveries: list[DeliveryOut]
    category: str
    priority: str
    recipient: str | None
    template: str | None
    metadata: dict[str, str]
    created_at: datetime
    resend_of: str | None


NotificationPage = Page[NotificationOut]


class TimelineEntry(Answer):
    at: datetime
    delivery: str
    channel: str
    event: str
    status: str = Field(description="The delivery's state after this event.")
    attempt: int = Field(description="0: no attempt has been made yet.")
    reason: str
    provider: str | None = Field(description="Who was asked, for an attempt.")
    latency_ms: int | None = Field(description="How long the provider took to answer.")
    vendor_id: str = Field(description="The provider's own id of the message.")
    machine: bool | None = Field(description="Of an open or a click: whether a program made it, and no person.")
    detail: dict[str, Any] = Field(description="What else the provider said, without personal data.")


class Timeline(Answer):
    id: str
    entries: list[TimelineEntry]


class ContentOut(Answer):
    id: str
    content: dict[str, dict[str, Any]]


class CancelOut(Answer):
    id: str
    cancelled: list[str]
    left_alone: list[DeliveryOut] = Field(description="What was sent or stopped before, or is being sent right now.")


class DeadGroup(Answer):
    fingerprint: str
    channel: str
    reason: str
    count: int
    oldest: datetime
    newest: datetime
    examples: list[str] = Field(description="Ids of the newest deliveries in it.")


DeadLetters = Page[DeadGroup]


class ReplayOut(Answer):
    dry_run: bool
    replayed: int = Field(description="Or, in a dry run, how many would be.")
    more: bool = Field(description="The group has more; call again.")
    notifications: list[str] = Field(description="The new notifications.")
    left_out: list[str] = Field(description="Of the deliveries named: no dead letters, or replayed already.")
