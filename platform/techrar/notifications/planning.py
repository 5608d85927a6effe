"""What exactly will be written for a send?

Resolves names to rows, checks everything that can be checked before a row exists, and says what is wrong by field.
Reads only: the same plan serves a single send, each item of a batch, and later `explain`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from providers.channel import Channel
from providers.registry import channels
from techrar.core.errors import FieldError, invalid
from techrar.core.mode import Mode
from techrar.core.validation import invalid_fields
from techrar.notifications import times
from techrar.notifications.addressees import addressed
from techrar.notifications.lookups import Lookups
from techrar.notifications.schemas import SendIn
from techrar.policy.categories import CATEGORIES, DEFAULT, Category
from techrar.policy.categories import category as category_of
from techrar.policy.priority import Priority
from techrar.templating import selectors as templates
from techrar.templating.preview import preview
from techrar.templating.problems import RenderProblem
from techrar.templating.render import compile_content, variables

#: What is stored of one message; consumers hold thousands of them at a time.
REQUEST_BYTES = 512 * 1024

Content = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Leg:
    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class Plan:
    merchant_id: int
    mode: Mode
    category: str
    priority: Priority
    legs: tuple[Leg, ...]
    request: str  #: JSON: what the consumers need, and a resend repeats
    template_version_id: UUID | None = None
    locale: str = ""
    recipient: str = ""
    recipient_id: int = 0  #: 0 when nothing is stored about them
    scheduled_at: datetime | None = None
    expires_at: datetime | None = None
    resend_of: UUID | None = None


def plan(send: SendIn, *, look: Lookups) -> Plan:
    given: Any = send.to
    stored = look.recipient(given.recipient) if given.recipient else None
    to = addressed(given, stored)
    version = _version(send, look)
    locale = send.locale or to.locale or ""
    content, stored_category = _content(send, version, locale)
    category = _category(send.category, stored_category)
    legs = _legs(send, to, content)
    addressee = to.model_dump(exclude_none=True)
    data = send.data or {}
    _check_rendering(legs, content, variables(data, addressee))
    scheduled_at, expires_at = _times(send, look.now)
    return Plan(
        merchant_id=look.merchant_id,
        mode=look.mode,
        category=category.key,
        priority=Priority.of(send.priority) if send.priority else category.priority,
        legs=legs,
        request=_request(send, legs, addressee, data, None if version else content, look),
        template_version_id=version,
        locale=locale,
        recipient=to.recipient or "",
        recipient_id=stored.id if stored else 0,
        scheduled_at=scheduled_at,
        expires_at=expires_at,
    )


def _version(send: SendIn, look: Lookups) -> UUID | None:
    if (send.template is None) == (send.content is None):
        raise invalid("template", "template_or_content", "Give either `template` or `content`, not both and not none.")
    if send.template is None:
        if send.template_version is not None:
            raise invalid("template_version", "template_or_content", "Only a send with a `template` has a version.")
        return None
    version = look.version(send.template, send.template_version)
    if version is None:
        which = "version" if send.template_version else "template"
        raise invalid("template", "unknown_template", f"There is no such published {which}; create and publish it.")
    return version


def _content(send: SendIn, version: UUID | None, locale: str) -> tuple[Content, str]:
    """Content by channel, and the template's category."""
    if version is None:
        given: Any = send.content
        return given.model_dump(exclude_none=True), ""
    stored = templates.version_content(version)
    return stored.for_locale(locale), stored.category


def _category(asked: str | None, stored: str) -> Category:
    if asked is None:
        return category_of(stored) if stored else DEFAULT
    if asked not in CATEGORIES:
        raise invalid("category", "unknown_category", f"Must be one of {', '.join(CATEGORIES)}.")
    return CATEGORIES[asked]


def _legs(send: SendIn, to: Any, content: Content) -> tuple[Leg, ...]:
    """Where it goes. Whoever asks for the first channel gets the first that has an address."""
    legs: list[Leg] = []
    unreachable: list[FieldError] = []
    for channel in _wanted(send, content):
        address = getattr(to, channel.address_field)
        field = f"to.{channel.address_field}"
        if address is None:
            hint = f"Channel {channel.key} needs it; add it, or leave the channel out of `channels`."
            unreachable.append(FieldError(field, "missing_address", hint))
            continue
        try:
            legs.append(Leg(channel.key, channel.normalise(address)))
        except ValueError as error:
            raise invalid(field, "bad_address", str(error)) from None
        if send.routing is not None and send.routing.mode == "first":
            return tuple(legs)
    if unreachable:
        raise invalid_fields(tuple(unreachable))
    return tuple(legs)


def _wanted(send: SendIn, content: Content) -> list[Channel]:
    known = channels()
    if send.channels is None:
        if not content:
            raise invalid("content", "no_content", f"Give the content of at least one of {', '.join(known)}.")
        return [known[key] for key in content]
    for position, key in enumerate(send.channels):
        if key not in known:
            raise invalid(f"channels.{position}", "unknown_channel", f"Must be one of {', '.join(known)}.")
        if key not in content:
            source = "template" if send.template else "content"
            raise invalid(f"channels.{position}", "no_content", f"The {source} has nothing for this channel.")
    return [known[key] for key in dict.fromkeys(send.channels)]


def _check_rendering(legs: Sequence[Leg], content: Content, given: Mapping[str, Any]) -> None:
    """What cannot be rendered now could not be sent later."""
    try:
        for leg in legs:
            compile_content(leg.channel, content[leg.channel]).render(given)
    except RenderProblem:
        preview({leg.channel: content[leg.channel] for leg in legs}, given)  # names all that is missing, not the first
        raise


def _times(send: SendIn, now: datetime) -> tuple[datetime | None, datetime | None]:
    to: Any = send.to
    if to.timezone:
        times.zone(to.timezone, field="to.timezone")
    here = times.zone(send.timezone) if send.timezone else None
    asked, until = (
        times.instant(when, local_to=here, field=field) if when else None
        for field, when in (("scheduled_at", send.scheduled_at), ("expires_at", send.expires_at))
    )
    scheduled_at = times.start(asked, now=now)
    return scheduled_at, times.expiry(until, begins=scheduled_at or now)


def _request(
    send: SendIn,
    legs: Sequence[Leg],
    addressee: Mapping[str, Any],
    data: Mapping[str, Any],
    content: Content | None,
    look: Lookups,
) -> str:
    senders = {leg.channel: look.sender(leg.channel, send.sender) for leg in legs}
    request: dict[str, Any] = {
        "to": addressee,
        "data": data,
        "metadata": send.metadata or {},
        "sender": {channel: sender for channel, sender in senders.items() if sender},
    }
    if content is not None:
        request["content"] = {leg.channel: content[leg.channel] for leg in legs}
    if send.tracking is not None:
        request["tracking"] = send.tracking.model_dump(exclude_none=True)
    if send.template:
        request["template"] = send.template
    written = orjson.dumps(request)
    if len(written) > REQUEST_BYTES:
        largest = max(("to", "data", "content"), key=lambda part: len(orjson.dumps(request.get(part))))
        message = f"The message comes to {len(written):,} bytes; at most {REQUEST_BYTES:,} are taken."
        raise invalid(largest, "too_large", message)
    return written.decode()
