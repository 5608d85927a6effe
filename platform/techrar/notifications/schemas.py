"""What does a merchant write to send?

The fields of `to` and `content` follow from the channels that are there; nothing here names one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SkipValidation, StrictInt, StringConstraints, create_model

from providers.registry import channels
from techrar.api_schemas import Body, Moment, PageQuery, Time
from techrar.ledger.states import State
from techrar.policy.categories import CATEGORIES

Word = Literal["critical", "high", "medium", "low"]

MOST_MESSAGES = 1000
LARGEST_NUMBER = 2**31 - 1
STATES = tuple(state.word for state in State)

Locale = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z0-9_-]+$")]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class _To(Body):
    recipient: str | None = Field(None, min_length=1, max_length=200, description="Your own id of the recipient.")
    name: str | None = Field(None, max_length=200)
    locale: Locale | None = Field(None, description="Language of stored templates, when the send names none.")
    timezone: Zone | None = Field(None, description="IANA zone, such as Europe/Berlin.")
    attributes: dict[str, Any] = Field(default_factory=dict, description="Templates find them in `recipient`.")


_address_fields: dict[str, Any] = {
    c.address_field: (str | None, Field(None, max_length=4096, examples=[c.example_address]))
    for c in channels().values()
}
_content_fields: dict[str, Any] = {c.key: (c.content_model | None, None) for c in channels().values()}

To: type[_To] = create_model("To", __base__=_To, **_address_fields)
Content: type[Body] = create_model("Content", __base__=Body, **_content_fields)


class Routing(Body):
    mode: Literal["all", "first"] = Field("all", description="Every channel, or the first with an address.")


class Tracking(Body):
    """Of e-mail with HTML. What is left out is as the category has it: on for marketing, off for all others."""

    opens: bool | None = Field(None, description="Add a picture that nobody sees.")
    clicks: bool | None = Field(None, description="Lead links past this service.")


class SendFields(Body):
    """Everything of a send except whom it goes to: what a batch may share."""

    channels: list[str] | None = Field(
        None, min_length=1, max_length=16, description="Without it: all that the template or the content has."
    )
    template: str | None = Field(None, max_length=100, description="Key of a stored template, instead of `content`.")
    template_version: StrictInt | None = Field(
        None, ge=1, le=LARGEST_NUMBER, description="Without it: the published one."
    )
    locale: Locale | None = Field(None, description="Which translation; else the recipient's.")
    content: Content | None = Field(None, description="Per channel, instead of a template.")  # type: ignore[valid-type]
    data: dict[str, Any] | None = Field(None, description="The variables of the template or content.")
    category: str | None = Field(None, max_length=50, description=f"One of {', '.join(CATEGORIES)}.")
    priority: Word | None = Field(None, description="Without it: the category's.")
    scheduled_at: Time | None = Field(None, description="Without it, or when past: now.")
    timezone: Zone | None = Field(None, description="IANA zone of times that are written without an offset.")
    expires_at: Time | None = Field(None, description="Not sent any more after this time.")
    routing: Routing | None = None
    sender: str | None = Field(None, alias="from", max_length=100, description="Key of a sender; else the default one.")
    tracking: Tracking | None = Field(None, description="Whether opens and clicks are counted.")
    metadata: dict[Label, Annotated[str, StringConstraints(max_length=500)]] | None = Field(
        None, max_length=50, description="Your own notes; they come back in answers."
    )


class SendIn(SendFields):
    to: To  # type: ignore[valid-type]


class BatchIn(Body):
    defaults: SendFields | None = Field(None, description="For every message that does not say it differently.")
    # Not read here: each message is read by itself, so that a bad one fails alone.
    messages: list[SkipValidation[SendIn]] = Field(min_length=1, max_length=MOST_MESSAGES)


class ListQuery(PageQuery):
    status: str | None = Field(
        None, max_length=20, description="With a delivery in this state.", json_schema_extra={"enum": list(STATES)}
    )
    channel: str | None = Field(
        None, max_length=24, description="With a delivery on it.", json_schema_extra={"enum": list(channels())}
    )
    recipient: str | None = Field(None, max_length=200, description="Your own id, as in `to.recipient`.")
    category: str | None = Field(None, max_length=50, json_schema_extra={"enum": list(CATEGORIES)})
    since: Moment | None = Field(None, description="Accepted at or after this time. Default: 30 days ago.")


class ReplayIn(Body):
    fingerprint: str | None = Field(None, max_length=64, description="Replay a whole group.")
    deliveries: list[str] | None = Field(None, min_length=1, max_length=MOST_MESSAGES, description="Or only these.")
    dry_run: bool = Field(False, description="Only count.")
