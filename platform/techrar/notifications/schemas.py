"""What does a merchant write to send, and what do we answer?

The fields of `to` and `content` follow from the channels that are there; nothing here names one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, create_model

from providers.registry import channels
from techrar.policy.priority import WORDS


class Strict(Schema):
    model_config = ConfigDict(extra="forbid")


class _To(Strict):
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
Content: type[Strict] = create_model("Content", __base__=Strict, **_content_fields)


class Routing(Strict):
    mode: Literal["all", "first"] = Field("all", description="Every channel, or the first that can reach the recipient.")


class SendFields(Strict):
    """Everything of a send except whom it goes to: what a batch may share."""

    channels: list[str] | None = Field(None, min_length=1, max_length=16)
    template: str | None = Field(None, max_length=100)
    template_version: int | None = Field(None, ge=1)
    locale: str | None = Field(None, max_length=35, pattern=r"^[A-Za-z0-9-]+$")
    content: Content | None = None  # type: ignore[valid-type]
    data: dict[str, Any] | None = None
    category: str | None = Field(None, max_length=50)
    priority: Literal["critical", "high", "medium", "low"] | None = None
    scheduled_at: datetime | None = None
    timezone: str | None = Field(None, max_length=64, description="IANA zone of a scheduled_at without an offset.")
    expires_at: datetime | None = None
    routing: Routing | None = None
    metadata: dict[str, str] | None = Field(None, max_length=50)


class SendIn(SendFields):
    to: To  # type: ignore[valid-type]


class BatchIn(Strict):
    defaults: SendFields | None = None
    # Each message is checked by itself, so that a bad one fails alone.
    messages: list[dict[str, Any]] = Field(min_length=1, max_length=1000)


class DeliveryOut(Schema):
    id: str
    channel: str
    status: str
    reason: str = ""
    possible_duplicate: bool = False
    attempts: int = 0


class SendOut(Schema):
    id: str
    status: str
    scheduled_at: datetime | None = None
    deliveries: list[DeliveryOut]


class BatchError(Schema):
    code: str
    message: str
    errors: list[dict[str, str]] = Field(default_factory=list)


class BatchItem(Schema):
    index: int
    id: str | None = None
    error: BatchError | None = None


class BatchOut(Schema):
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


class PageInfo(Schema):
    after: str | None
    has_more: bool


class NotificationPage(Schema):
    entries: list[NotificationOut]
    page_info: PageInfo


class TimelineEntry(Schema):
    at: datetime
    delivery: str
    channel: str
    event: str
    status: str
    attempt: int = 0
    reason: str = ""
    vendor_id: str = ""
    detail: dict[str, Any] = Field(default_factory=dict)


class Timeline(Schema):
    id: str
    entries: list[TimelineEntry]


class ContentOut(Schema):
    id: str
    content: dict[str, dict[str, Any]]


class CancelOut(Schema):
    id: str
    cancelled: list[str]
    left_alone: list[DeliveryOut]


assert set(WORDS) == {"critical", "high", "medium", "low"}
