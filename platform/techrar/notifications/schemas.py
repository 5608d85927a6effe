"""What does a merchant write to send, and what do we answer?

The fields of `to` and `content` follow from the channels that are there; nothing here names one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, create_model

from providers.registry import channels
from techrar.api_schemas import Answer, Body, Page, WrongField

Word = Literal["critical", "high", "medium", "low"]


class _To(Body):
    recipient: str | None = Field(None, max_length=200, description="Your own id of the recipient.")
    name: str | None = Field(None, max_length=200)
    locale: str | None = Field(None, max_length=35, pattern=r"^[A-Za-z0-9-]+$")
    timezone: str | None = Field(None, max_length=64)
    attributes: dict[str, Any] = Field(default_factory=dict)


_address_fields: dict[str, Any] = {
    c.address_field: (str | None, Field(None, max_length=4096, examples=[c.example_address]))
    for c in channels().values()
}
_content_fields: dict[str, Any] = {c.key: (c.content_model | None, None) for c in channels().values()}

To: type[_To] = create_model("To", __base__=_To, **_address_fields)
Content: type[Body] = create_model("Content", __base__=Body, **_content_fields)


class Routing(Body):
    mode: Literal["all", "first"] = Field("all", description="Every channel, or the first that can reach the recipient.")


class SendFields(Body):
    """Everything of a send except whom it goes to: what a batch may share."""

    channels: list[str] | None = Field(None, min_length=1, max_length=16)
    template: str | None = Field(None, max_length=100)
    template_version: int | None = Field(None, ge=1)
    locale: str | None = Field(None, max_length=35, pattern=r"^[A-Za-z0-9-]+$")
    content: Content | None = None  # type: ignore[valid-type]
    data: dict[str, Any] | None = None
    category: str | None = Field(None, max_length=50)
    priority: Word | None = None
    scheduled_at: datetime | None = None
    timezone: str | None = Field(None, max_length=64, description="IANA zone of a scheduled_at without an offset.")
    expires_at: datetime | None = None
    routing: Routing | None = None
    sender: str | None = Field(None, alias="from", max_length=100, description="Key of a sender; else the default one.")
    metadata: dict[str, str] | None = Field(None, max_length=50)


class SendIn(SendFields):
    to: To  # type: ignore[valid-type]


class BatchIn(Body):
    defaults: SendFields | None = None
    # Each message is checked by itself, so that a bad one fails alone.
    messages: list[dict[str, Any]] = Field(min_length=1, max_length=1000)


class DeliveryOut(Answer):
    id: str
    channel: str
    status: str
    reason: str = ""
    possible_duplicate: bool = False
    attempts: int = 0


class SendOut(Answer):
    id: str
    status: str
    scheduled_at: datetime | None = None
    deliveries: list[DeliveryOut]


class BatchError(Answer):
    code: str
    message: str
    errors: list[WrongField] = Field(default_factory=list)


class BatchItem(Answer):
    index: int
    id: str | None = None
    error: BatchError | None = None


class BatchOut(Answer):
    accepted: int
    failed: int
    items: list[BatchItem]


class NotificationOut(SendOut):
    category: str
    priority: str
    recipient: str | None = None
    template: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    created_at: datetime
    resend_of: str | None = None


NotificationPage = Page[NotificationOut]


class TimelineEntry(Answer):
    at: datetime
    delivery: str
    channel: str
    event: str
    status: str
    attempt: int = 0
    reason: str = ""
    vendor_id: str = ""
    detail: dict[str, Any] = Field(default_factory=dict)


class Timeline(Answer):
    id: str
    entries: list[TimelineEntry]


class ContentOut(Answer):
    id: str
    content: dict[str, dict[str, Any]]


class CancelOut(Answer):
    id: str
    cancelled: list[str]
    left_alone: list[DeliveryOut]



class ResendOut(SendOut):
    resend_of: str


class DeadGroup(Answer):
    fingerprint: str
    channel: str
    reason: str
    count: int
    oldest: datetime
    newest: datetime
    examples: list[str] = Field(description="Ids of some of the deliveries.")


class DeadLetters(Answer):
    entries: list[DeadGroup]


class ReplayIn(Body):
    fingerprint: str | None = Field(None, max_length=64, description="Replay a whole group.")
    deliveries: list[str] | None = Field(None, min_length=1, max_length=1000, description="Or only these.")
    dry_run: bool = False


class ReplayOut(Answer):
    dry_run: bool
    replayed: int = Field(description="Or, in a dry run, how many would be.")
    more: bool = Field(description="The group has more; call again.")
    notifications: list[str]
