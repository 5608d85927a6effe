"""What goes in and out of the calls about templates?

The fields of `content` follow from the channels that are there; nothing here names one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StrictInt, StringConstraints, create_model

from providers.registry import channels
from techrar.api_schemas import Answer, Body, ShortName
from techrar.templating.models import Template, TemplateVersion

_EXAMPLES = {channel.key: channel.example_content for channel in channels().values()}
_FIELDS: dict[str, Any] = {channel.key: (channel.content_model | None, None) for channel in channels().values()}

Locale = Annotated[str, StringConstraints(max_length=35)]

TemplateContent: type[Body] = create_model("TemplateContent", __base__=Body, **_FIELDS)


class _Versioned(Body):
    content: TemplateContent = Field(  # type: ignore[valid-type]
        description="Per channel, the fields of that channel as templates.",
        examples=[{key: _EXAMPLES[key] for key in list(_EXAMPLES)[:2]}],
    )
    translations: dict[Locale, TemplateContent] = Field(  # type: ignore[valid-type]
        default_factory=dict,
        max_length=100,
        description="The same per locale. A channel without a translation falls back: `pt-BR`, `pt`, `content`.",
    )

    def sources(self) -> dict[str, Any]:
        """As services take it: plain JSON, without the channels and fields that were left out."""
        return {
            "content": _dump(self.content),
            "translations": {tag: _dump(content) for tag, content in self.translations.items()},
        }


def _dump(content: Any) -> dict[str, Any]:
    """What the caller wrote; null means left out."""
    channels_given = content.model_dump(mode="json", exclude_unset=True)
    return {
        channel: {name: value for name, value in fields.items() if value is not None}
        for channel, fields in channels_given.items()
        if fields is not None
    }


class CreateTemplate(_Versioned):
    key: str = Field(max_length=64, description="What a send names: `order_shipped`.", examples=["order_shipped"])
    name: ShortName | None = Field(None, description="For people. Without it: the key.")
    category: str = Field("transactional", max_length=32, description="Of every send. It cannot be changed later.")
    publish: bool = Field(True, description="Whether sends get version 1 at once.")


class CreateVersion(_Versioned):
    publish: bool = Field(False, description="Whether sends get this version at once.")


class PublishVersion(Body):
    version: StrictInt = Field(ge=1, le=2**31 - 1, description="The number to publish; an older one rolls back.")


class PreviewTemplate(Body):
    data: dict[str, Any] = Field(default_factory=dict, description="The variables, as a send would have them.")
    to: dict[str, Any] = Field(default_factory=dict, description="What the template finds in `recipient`.")
    locale: Locale | None = None
    channel: str | None = Field(None, max_length=24, description="Only this channel.")
    version: StrictInt | None = Field(
        None, ge=1, le=2**31 - 1, description="Without it: the published one, else the newest."
    )


class VersionSummary(Answer):
    number: int
    state: str = Field(description="`draft`, `published` or `retired`.")
    created_at: datetime
    created_by: str = Field(description="`key:<id>` or `user:<id>`.")
    published_at: datetime | None

    @classmethod
    def of(cls, row: TemplateVersion) -> VersionSummary:
        return cls(**_version(row))


class VersionAnswer(VersionSummary):
    content: dict[str, dict[str, Any]]
    translations: dict[str, dict[str, dict[str, Any]]]

    @classmethod
    def of(cls, row: TemplateVersion) -> VersionAnswer:
        return cls(**_version(row), content=row.content, translations=row.translations)


class TemplateSummary(Answer):
    id: str
    key: str
    name: str
    category: str
    published_version: int | None = Field(description="The number sends get; null while nothing is published.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Template) -> TemplateSummary:
        return cls(**_template(row))


class TemplateAnswer(TemplateSummary):
    version: VersionAnswer = Field(description="The version this answer is about: published, else newest.")

    @classmethod
    def about(cls, row: TemplateVersion) -> TemplateAnswer:
        return cls(**_template(row.template), version=VersionAnswer.of(row))


class PreviewAnswer(Answer):
    version: int
    locales: dict[str, str] = Field(description="Per channel, where its text was found; empty: not a translation.")
    content: dict[str, dict[str, Any]] = Field(description="Per channel, as rendered.")


def _version(row: TemplateVersion) -> dict[str, Any]:
    names = ("number", "state", "created_at", "created_by", "published_at")
    return {name: getattr(row, name) for name in names}


def _template(row: Template) -> dict[str, Any]:
    published = row.published_version
    return {
        "id": str(row.id),
        "key": row.key,
        "name": row.name,
        "category": row.category,
        "published_version": published.number if published else None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
