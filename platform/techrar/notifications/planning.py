"""What exactly will be written for a send?

Resolves names to rows, checks everything that can be checked before a row exists, and says what is wrong by field. Reads
only: the same plan serves a single send, each item of a batch, and later `explain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel

from providers.channel import Channel
from providers.registry import channels
from techrar.core.errors import FieldError, Invalid, NotFound, invalid
from techrar.core.mode import Mode
from techrar.notifications.schemas import SendIn
from techrar.policy.categories import CATEGORIES, DEFAULT
from techrar.policy.priority import Priority
from techrar.routing import selectors as routing
from techrar.templating import selectors as templates
from techrar.templating.render import compile_content


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
    request: Mapping[str, Any]  #: what the consumers need, and a resend repeats
    template_version_id: UUID | None
    locale: str
    recipient: str
    scheduled_at: datetime | None
    expires_at: datetime | None
    resend_of: UUID | None = None


def plan(send: SendIn, *, merchant_id: int, mode: Mode, now: datetime) -> Plan:
    version = _version(send, merchant_id, mode)
    content, stored_category, locale = _content(send, version)
    category = send.category or stored_category or DEFAULT.key
    if category not in CATEGORIES:
        raise invalid("category", "unknown_category", f"category {category!r} is none of {', '.join(CATEGORIES)}")
    legs = _legs(send, content)
    data = send.data or {}
    to = send.to.model_dump(exclude_none=True)  # type: ignore[attr-defined]
    for leg in legs:
        compile_content(leg.channel, content[leg.channel]).render(variables({"data": data, "to": to}))
    scheduled_at = _moment(send, now)
    request = {
        "to": to,
        "data": data,
        "metadata": send.metadata or {},
        "channels": [leg.channel for leg in legs],
        "sender": {leg.channel: sender for leg in legs if (sender := _sender(send, merchant_id, mode, leg.channel, now))},
        **({"content": {leg.channel: content[leg.channel] for leg in legs}} if version is None else {}),
        **({"template": send.template} if send.template else {}),
    }
    return Plan(
        merchant_id=merchant_id,
        mode=mode,
        category=category,
        priority=Priority.of(send.priority) if send.priority else CATEGORIES[category].priority,
        legs=legs,
        request=request,
        template_version_id=version.id if version else None,
        locale=locale,
        recipient=to.get("recipient", ""),
        scheduled_at=scheduled_at,
        expires_at=_expiry(send, scheduled_at or now),
    )


def variables(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a template may name: the send's data at the top, and who it goes to."""
    return {**request["data"], "recipient": request["to"]}


def _version(send: SendIn, merchant_id: int, mode: Mode) -> Any:
    if (send.template is None) == (send.content is None):
        raise invalid("template", "template_or_content", "give either template (a stored one) or content, not both or none")
    if send.template is None:
        return None
    try:
        return templates.published_version(merchant_id, mode, send.template, send.template_version)
    except NotFound:
        which = f" in version {send.template_version}" if send.template_version else ""
        raise invalid(
            "template", "unknown_template", f"there is no published template {send.template!r}{which}; create it first"
        ) from None


def _content(send: SendIn, version: Any) -> tuple[dict[str, dict[str, Any]], str, str]:
    """Content by channel, the template's category, and the locale that was found."""
    if version is None:
        assert isinstance(send.content, BaseModel)
        return send.content.model_dump(exclude_none=True), "", ""
    wanted = send.locale or getattr(send.to, "locale", None) or ""
    stored = templates.version_content(version.id)
    return stored.for_locale(wanted), stored.category, wanted


def _legs(send: SendIn, content: Mapping[str, Any]) -> tuple[Leg, ...]:
    known = channels()
    wanted = send.channels or list(content)
    legs, missing = [], []
    for position, key in enumerate(dict.fromkeys(wanted)):
        channel = known.get(key)
        if channel is None:
            raise invalid(f"channels.{position}", "unknown_channel", f"channel {key!r} is none of {', '.join(known)}")
        if key not in content:
            raise invalid(f"content.{key}", "no_content", f"there is no content for channel {key!r}")
        address = getattr(send.to, channel.address_field)
        if address is None:
            missing.append(channel)
        else:
            legs.append(Leg(key, _normal(channel, address)))
    first_only = send.routing is not None and send.routing.mode == "first"
    if missing and not (first_only and legs):
        raise _unreachable(missing)
    return tuple(legs[:1] if first_only else legs)


def _unreachable(missing: list[Channel]) -> Invalid:
    errors = tuple(
        FieldError(f"to.{c.address_field}", "missing_address", f"channel {c.key!r} needs to.{c.address_field}") for c in missing
    )
    return Invalid(errors[0].message, errors=errors)


def _sender(send: SendIn, merchant_id: int, mode: Mode, channel: str, now: datetime) -> dict[str, str]:
    """The named sender, or the channel's default; known for two seconds, since nearly every send asks for the same."""
    return _sender_of(merchant_id, mode, channel, send.sender, int(now.timestamp()) // 2)


@lru_cache(maxsize=4096)
def _sender_of(merchant_id: int, mode: Mode, channel: str, key: str | None, _tick: int) -> dict[str, str]:
    return routing.sender(merchant_id=merchant_id, mode=mode, channel=channel, key=key)


def _normal(channel: Channel, address: str) -> str:
    try:
        return channel.normalise(address)
    except ValueError as error:
        raise invalid(f"to.{channel.address_field}", "bad_address", str(error)) from None


def _moment(send: SendIn, now: datetime) -> datetime | None:
    """When, in UTC. A time without an offset is local to `timezone`; what is past is sent now."""
    when = send.scheduled_at
    if when is None:
        return None
    if when.tzinfo is None:
        if not send.timezone:
            raise invalid("scheduled_at", "no_offset", "scheduled_at needs an offset such as Z, or timezone beside it")
        when = when.replace(tzinfo=_zone(send.timezone))
    when = when.astimezone(UTC)
    if (when - now).days > 3660:
        raise invalid("scheduled_at", "too_far", "scheduled_at is more than ten years away")
    return when if when > now else None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid("timezone", "unknown_timezone", f"{name!r} is not an IANA time zone such as Europe/Berlin") from None


def _expiry(send: SendIn, start: datetime) -> datetime | None:
    if send.expires_at is None:
        return None
    if send.expires_at.tzinfo is None:
        raise invalid("expires_at", "no_offset", "expires_at needs an offset such as Z")
    if send.expires_at <= start:
        raise invalid("expires_at", "already_expired", "expires_at is before the message could be sent")
    return send.expires_at.astimezone(UTC)
