"""How do templates come into being, gain versions and leave?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from uuid_utils.compat import uuid7

from techrar.core.errors import Conflict, invalid
from techrar.core.mode import Mode
from techrar.merchants import audit
from techrar.merchants.services import Actor
from techrar.templating import selectors
from techrar.templating.content import check_version
from techrar.templating.models import Template, TemplateVersion, VersionState

_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_CATEGORY = re.compile(r"[a-z][a-z0-9_]{0,31}")


def create_template(
    *,
    merchant_id: int,
    mode: Mode,
    key: str,
    content: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    name: str = "",
    category: str = "transactional",
    translations: Mapping[str, Any] | None = None,
    publish: bool = True,
    new_id: Callable[[], UUID] = uuid7,
) -> TemplateVersion:
    """A template with its first version."""
    if not _KEY.fullmatch(key):
        raise invalid(
            "key", "invalid", "Use up to 64 lower case letters, digits, `_`, `-` and `.`, such as order_shipped."
        )
    if not _CATEGORY.fullmatch(category):
        raise invalid("category", "invalid", "Use a category's key, such as transactional.")
    check_version(content, translations or {})
    try:
        with transaction.atomic():
            template = Template.objects.create(
                id=new_id(),
                merchant_id=merchant_id,
                mode=mode.value,
                key=key,
                name=name or key,
                category=category,
                created_at=now,
                updated_at=now,
            )
            _audit(template, "created", actor, now, {"key": key})
            return _add(template, 1, content, translations or {}, publish=publish, actor=actor, now=now, new_id=new_id)
    except IntegrityError:
        raise Conflict(f"There is a template {key} already; add a version to it, or archive it first.") from None


def add_version(
    *,
    merchant_id: int,
    mode: Mode,
    key: str,
    content: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    translations: Mapping[str, Any] | None = None,
    publish: bool = False,
    new_id: Callable[[], UUID] = uuid7,
) -> TemplateVersion:
    """A new draft, or the newest version itself when nothing differs from it: sending a request twice adds one."""
    check_version(content, translations or {})
    with transaction.atomic():
        template = selectors.template_for_update(merchant_id=merchant_id, mode=mode, key=key)
        newest = selectors.newest_version(template)
        if newest.content == content and newest.translations == (translations or {}):
            return _publish(newest, actor=actor, now=now) if publish else newest
        number = newest.number + 1
        return _add(template, number, content, translations or {}, publish=publish, actor=actor, now=now, new_id=new_id)


def publish(*, merchant_id: int, mode: Mode, key: str, number: int, actor: Actor, now: datetime) -> TemplateVersion:
    """From now on sends get this version; an older one may be published again."""
    with transaction.atomic():
        template = selectors.template_for_update(merchant_id=merchant_id, mode=mode, key=key)
        return _publish(selectors.version(template, number), actor=actor, now=now)


def archive(*, merchant_id: int, mode: Mode, key: str, actor: Actor, now: datetime) -> None:
    """Sends can no longer name it; what was accepted before is still sent."""
    with transaction.atomic():
        template = selectors.template_for_update(merchant_id=merchant_id, mode=mode, key=key)
        template.archived_at = template.updated_at = now
        template.save(update_fields=["archived_at", "updated_at"])
        _audit(template, "archived", actor, now, {"key": key})


def _add(
    template: Template,
    number: int,
    content: Mapping[str, Any],
    translations: Mapping[str, Any],
    *,
    publish: bool,
    actor: Actor,
    now: datetime,
    new_id: Callable[[], UUID],
) -> TemplateVersion:
    version = TemplateVersion.objects.create(
        id=new_id(),
        merchant_id=template.merchant_id,
        mode=template.mode,
        template=template,
        number=number,
        content=content,
        translations=translations,
        created_at=now,
        created_by=actor.name,
    )
    _audit(template, "version_added", actor, now, {"number": number})
    return _publish(version, actor=actor, now=now) if publish else version


def _publish(version: TemplateVersion, *, actor: Actor, now: datetime) -> TemplateVersion:
    template = version.template
    if version.state == VersionState.PUBLISHED:
        return version
    template.versions.filter(state=VersionState.PUBLISHED).update(state=VersionState.RETIRED)
    version.state = VersionState.PUBLISHED
    version.published_at = now
    version.save(update_fields=["state", "published_at"])
    template.published_version = version
    template.updated_at = now
    template.save(update_fields=["published_version", "updated_at"])
    _audit(template, "published", actor, now, {"number": version.number})
    return version


def _audit(template: Template, verb: str, actor: Actor, now: datetime, details: dict[str, Any]) -> None:
    audit.record(
        merchant_id=template.merchant_id,
        mode=Mode(template.mode),
        actor=actor.name,
        action=f"template.{verb}",
        object_id=template.id,
        now=now,
        request_id=actor.request_id,
        details=details,
    )
