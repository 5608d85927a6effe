"""What goes in and out of the calls about recipients and suppressions?"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, SkipValidation, StringConstraints

from providers.registry import channels
from techrar.api_schemas import Answer, Body, Moment, PageQuery, WrongField
from techrar.audience.models import Recipient, Suppression
from techrar.core.mode import Mode

MOST_RECIPIENTS = 1000
ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class RecipientIn(Body):
    """What is left out stays as it is; null empties it."""

    email: str | None = Field(None, max_length=320)
    phone: str | None = Field(None, max_length=40, description="In international form; stored as E.164.")
    name: str | None = Field(None, max_length=200)
    locale: str | None = Field(None, max_length=35, description="Language tag, such as pt-BR.")
    timezone: str | None = Field(None, max_length=64, description="IANA zone, such as Europe/Berlin.")
    country: str | None = Field(None, description="Two letters, such as DE.")
    attributes: dict[str, Any] | None = Field(
        None, description="Your own facts, for segments and templates. Merged with what is known, key by key."
    )
    last_login_at: Moment | None = None


class BulkRecipient(RecipientIn):
    external_id: ExternalId


class BulkIn(Body):
    # Not read here: each is read by itself, so that a bad one fails alone.
    recipients: list[SkipValidation[BulkRecipient]] = Field(min_length=1, max_length=MOST_RECIPIENTS)


class RecipientOut(Answer):
    external_id: str
    email: str | None
    phone: str | None
    name: str
    locale: str
    timezone: str
    country: str
    attributes: dict[str, Any]
    last_login_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, row: Recipient) -> RecipientOut:
        return cls.model_validate(row)


class BulkError(Answer):
    code: str
    message: str
    errors: list[WrongField] = Field(description="Paths begin with `recipients.<index>`.")


class BulkItem(Answer):
    index: int
    external_id: str | None = None
    status: Literal["created", "updated"] | None = None
    error: BulkError | None = None


class BulkOut(Answer):
    created: int
    updated: int
    failed: int
    items: list[BulkItem]


class SuppressIn(Body):
    channel: str = Field(max_length=24, json_schema_extra={"enum": list(channels())})
    address: str = Field(min_length=1, max_length=4096)
    reason: Literal["manual", "unsubscribed", "complaint", "bounced"] = "manual"


class SuppressionQuery(PageQuery):
    channel: str | None = Field(None, max_length=24, json_schema_extra={"enum": list(channels())})


class SuppressionOut(Answer):
    id: str
    mode: Mode
    channel: str
    address: str
    reason: str = Field(
        description="manual, unsubscribed, complaint, bounced, soft_bounced (five in a row) or invalid_address."
    )
    created_at: datetime

    @classmethod
    def of(cls, row: Suppression) -> SuppressionOut:
        return cls(
            id=str(row.id),
            mode=Mode.from_code(row.mode),
            channel=row.channel,
            address=row.address,
            reason=row.reason,
            created_at=row.created_at,
        )
