"""Which templates does a merchant have, and what is in a version? Every question goes through the merchant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from providers.registry import channels
from techrar.core.errors import NotFound, invalid
from techrar.core.mode import Mode
from techrar.templating import locales
from techrar.templating.models import Template, TemplateVersion, VersionState

#: up to a megabyte per row: not read for a list
_HEAVY = ("content", "translations")


@dataclass(frozen=True, slots=True)
class VersionContent:
    """What a version says; it never changes, so it is remembered. Not to be changed by whoever asks."""

    template_key: str
    number: int
    category: str
    content: Mapping[str, Mapping[str, Any]]
    translations: Mapping[str, Mapping[str, Mapping[str, Any]]]

    def for_locale(self, locale: str) -> dict[str, Mapping[str, Any]]:
        """`{channel: {field: source}}`, each channel in the nearest locale that has it."""
        return locales.localised(self.content, self.translations, locale)

    def locale_of(self, channel: str, locale: str) -> str:
        """In which locale `for_locale` found a channel."""
        return locales.locale_of(channel, self.translations, locale)


def template(*, merchant_id: int, mode: Mode, key: str) -> Template:
    return _one(Template.objects.select_related("published_version"), merchant_id, mode, key)


def template_for_update(*, merchant_id: int, mode: Mode, key: str) -> Template:
    """Locked until the transaction ends."""
    return _one(Template.objects.select_for_update(), merchant_id, mode, key)


def templates_page(*, merchant_id: int, mode: Mode, limit: int, after: str | None) -> tuple[list[Template], bool]:
    """By key; `after` is the last key of the page before. Also says whether more follow."""
    light = Template.objects.select_related("published_version").defer(
        *(f"published_version__{name}" for name in _HEAVY)
    )
    rows = _of(light, merchant_id, mode).order_by("key")
    found = list((rows.filter(key__gt=after) if after is not None else rows)[: limit + 1])
    return found[:limit], len(found) > limit


def versions_page(template: Template, *, limit: int, after: str | None) -> tuple[list[TemplateVersion], bool]:
    """Newest first; `after` is the last number of the page before."""
    rows = template.versions.defer(*_HEAVY).order_by("-number")
    if after is not None:
        if not after.isdecimal() or len(after) > 9:
            raise invalid("after", "unknown_cursor", "Use the `after` of the page before, unchanged.")
        rows = rows.filter(number__lt=int(after))
    found = list(rows[: limit + 1])
    return found[:limit], len(found) > limit


def version(template: Template, number: int) -> TemplateVersion:
    found = template.versions.filter(number=number).first()
    if found is None:
        raise NotFound(f"There is no version {number} of template {template.key}.")
    return found


def shown_version(template: Template) -> TemplateVersion:
    """What the template says now, or would say next when nothing is published."""
    published = template.published_version
    return newest_version(template) if published is None else version(template, published.number)


def newest_version(template: Template) -> TemplateVersion:
    return template.versions.latest("number")


def published_version(merchant_id: int, mode: Mode, key: str, number: int | None = None) -> TemplateVersion:
    """What a send gets, without its content: the published version, or one by number that was published once."""
    rows = (
        TemplateVersion.objects.select_related("template")
        .defer(*_HEAVY)
        .filter(merchant_id=merchant_id, mode=mode.value, template__key=key, template__archived_at=None)
    )
    if number is None:
        found = rows.filter(state=VersionState.PUBLISHED).first()
    else:
        found = rows.filter(number=number).exclude(state=VersionState.DRAFT).first()
    if found is None:
        which = "published version" if number is None else f"published version {number}"
        raise NotFound(f"There is no {which} of a template {key[:64]}.")
    return found


@lru_cache(maxsize=128)
def version_content(version_id: UUID) -> VersionContent:
    """For who already has the id from the merchant's own rows. At most one query per version and process."""
    row = TemplateVersion.objects.select_related("template").filter(id=version_id).first()
    if row is None:
        raise NotFound(f"There is no template version {version_id}.")
    content = {key: row.content[key] for key in channels() if key in row.content}  # jsonb has an order of its own
    return VersionContent(row.template.key, row.number, row.template.category, content, row.translations)


def _of(rows: QuerySet[Template], merchant_id: int, mode: Mode) -> QuerySet[Template]:
    return rows.filter(merchant_id=merchant_id, mode=mode.value, archived_at=None)


def _one(rows: QuerySet[Template], merchant_id: int, mode: Mode, key: str) -> Template:
    found = _of(rows, merchant_id, mode).filter(key=key).first()
    if found is None:
        raise NotFound(f"There is no template {key[:64]}.")
    return found
