"""Which calls manage templates?"""

from __future__ import annotations

from datetime import UTC, datetime

from ninja import Query, Router, Status

from techrar.api_schemas import Page, PageInfo, PageQuery
from techrar.core.problems import request_id_of
from techrar.merchants.api import Call
from techrar.merchants.auth import require
from techrar.merchants.services import Actor
from techrar.templating import selectors, services
from techrar.templating.models import Template
from techrar.templating.preview import preview
from techrar.templating.render import variables
from techrar.templating.schemas import (
    CreateTemplate,
    CreateVersion,
    PreviewAnswer,
    PreviewTemplate,
    PublishVersion,
    TemplateAnswer,
    TemplateSummary,
    VersionAnswer,
    VersionSummary,
)

router = Router(tags=["templates"])


@router.post("", auth=require("send"), response={201: TemplateAnswer}, operation_id="create_template")
def create_template(request: Call, payload: CreateTemplate) -> Status[TemplateAnswer]:
    """A template with its first version. What cannot be rendered safely is refused here, with field and line."""
    version = services.create_template(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        key=payload.key,
        name=payload.name or "",
        category=payload.category,
        publish=payload.publish,
        **payload.sources(),
        actor=_actor(request),
        now=datetime.now(UTC),
    )
    return Status(201, TemplateAnswer.about(version))


@router.get("", auth=require("read"), response=Page[TemplateSummary], operation_id="list_templates")
def list_templates(request: Call, page: Query[PageQuery]) -> Page[TemplateSummary]:
    """The merchant's templates of this key's mode, by key; archived ones are left out."""
    rows, has_more = selectors.templates_page(
        merchant_id=request.auth.merchant_id, mode=request.auth.mode, limit=page.limit, after=page.after
    )
    after = rows[-1].key if has_more else None
    return Page(entries=[TemplateSummary.of(row) for row in rows], page_info=PageInfo(after=after, has_more=has_more))


@router.get("/{key}", auth=require("read"), response=TemplateAnswer, operation_id="get_template")
def get_template(request: Call, key: str) -> TemplateAnswer:
    """The template and what its published version says; the newest version while none is published."""
    return TemplateAnswer.about(selectors.shown_version(_template(request, key)))


@router.delete("/{key}", auth=require("send"), response={204: None}, operation_id="archive_template")
def archive_template(request: Call, key: str) -> Status[None]:
    """Sends can no longer name it. What was accepted before is still sent, and the key is free again."""
    services.archive(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        key=key,
        actor=_actor(request),
        now=datetime.now(UTC),
    )
    return Status(204, None)


@router.post(
    "/{key}/versions", auth=require("send"), response={201: TemplateAnswer}, operation_id="create_template_version"
)
def create_version(request: Call, key: str, payload: CreateVersion) -> Status[TemplateAnswer]:
    """A new version, a draft unless `publish`. Content equal to the newest version's adds none and returns that one."""
    version = services.add_version(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        key=key,
        publish=payload.publish,
        **payload.sources(),
        actor=_actor(request),
        now=datetime.now(UTC),
    )
    return Status(201, TemplateAnswer.about(version))


@router.get(
    "/{key}/versions", auth=require("read"), response=Page[VersionSummary], operation_id="list_template_versions"
)
def list_versions(request: Call, key: str, page: Query[PageQuery]) -> Page[VersionSummary]:
    """Newest first, without their content."""
    rows, has_more = selectors.versions_page(_template(request, key), limit=page.limit, after=page.after)
    after = str(rows[-1].number) if has_more else None
    return Page(entries=[VersionSummary.of(row) for row in rows], page_info=PageInfo(after=after, has_more=has_more))


@router.get(
    "/{key}/versions/{number}", auth=require("read"), response=VersionAnswer, operation_id="get_template_version"
)
def get_version(request: Call, key: str, number: int) -> VersionAnswer:
    return VersionAnswer.of(selectors.version(_template(request, key), number))


@router.post("/{key}/publish", auth=require("send"), response=TemplateAnswer, operation_id="publish_template")
def publish_template(request: Call, key: str, payload: PublishVersion) -> TemplateAnswer:
    """From now on sends get this version. What was accepted before keeps the version it was accepted with."""
    version = services.publish(
        merchant_id=request.auth.merchant_id,
        mode=request.auth.mode,
        key=key,
        number=payload.version,
        actor=_actor(request),
        now=datetime.now(UTC),
    )
    return TemplateAnswer.about(version)


@router.post("/{key}/preview", auth=require("read"), response=PreviewAnswer, operation_id="preview_template")
def preview_template(request: Call, key: str, payload: PreviewTemplate) -> PreviewAnswer:
    """As it would be sent with this data; 422 names every variable that is missing. Nothing is sent or stored."""
    template = _template(request, key)
    row = selectors.version(template, payload.version) if payload.version else selectors.shown_version(template)
    stored = selectors.version_content(row.id)
    locale = payload.locale or ""
    rendered = preview(stored.for_locale(locale), variables(payload.data, payload.to), channel=payload.channel)
    locales = {channel: stored.locale_of(channel, locale) for channel in rendered}
    return PreviewAnswer(version=stored.number, locales=locales, content=rendered)


def _template(request: Call, key: str) -> Template:
    return selectors.template(merchant_id=request.auth.merchant_id, mode=request.auth.mode, key=key)


def _actor(request: Call) -> Actor:
    return Actor(name=request.auth.actor, request_id=request_id_of(request))
