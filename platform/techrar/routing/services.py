"""How do provider accounts and senders come into being, pause, and change their locks?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from pydantic import ValidationError

from providers.base import Provider, ProviderConfig
from providers.channel import Channel
from providers.registry import channels, providers_of
from techrar.core.errors import FieldError, Invalid, invalid
from techrar.core.mode import Mode
from techrar.core.validation import field_errors
from techrar.merchants import audit
from techrar.merchants.services import Actor
from techrar.routing import selectors
from techrar.routing.accounts import Account, new_token, place, seal
from techrar.routing.models import ProviderAccount, Sender

LIMITS = frozenset({"concurrency", "rate_limit"})
CHANGEABLE = frozenset({"name", "position", "weight", "price_micros", "enabled"})


def create_account(
    *,
    merchant_id: int,
    mode: Mode,
    channel: str,
    provider: str,
    name: str,
    config: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    position: int = 0,
    weight: int = 1,
    concurrency: int | None = None,
    rate_limit: int | None = None,
    price_micros: int = 0,
    prefixes: Sequence[str] = (),
    mint: Callable[[], str] = new_token,
) -> ProviderAccount:
    """The provider's own `Config` says what is valid; the answer names every field that is not."""
    adapter = _adapter(_channel(channel), provider, mode)
    token = mint()
    row = ProviderAccount(
        merchant_id=merchant_id,
        mode=mode.value,
        channel=channel,
        provider=provider,
        name=name,
        token=token,
        config=seal(_checked(adapter, config), selectors.key_ring(), merchant_id=merchant_id, token=token),
        sandbox=adapter.capabilities.sandbox,
        position=position,
        weight=weight,
        concurrency=concurrency,
        rate_limit=rate_limit,
        price_micros=price_micros,
        prefixes=" ".join(prefixes),
        updated_at=now,
    )
    with transaction.atomic():
        _save(row, force_insert=True)
        _audit(row, "created", actor, now, {"channel": channel, "provider": provider})
    return row


def change_account(
    *, merchant_id: int, mode: Mode, account_id: int, changes: Mapping[str, Any], actor: Actor, now: datetime
) -> ProviderAccount:
    """`changes` may hold what `create_account` takes, but for what an account is: its channel and its provider.

    None takes `concurrency` and `rate_limit` away, and leaves the others as they are.
    """
    with transaction.atomic():
        row = selectors.account_for_update(merchant_id=merchant_id, mode=mode, account_id=account_id)
        if not changes:
            return row
        for name, value in changes.items():
            if name == "config" and value is not None:
                config = _checked(_adapter(_channel(row.channel), row.provider, mode), value)
                row.config = seal(config, selectors.key_ring(), merchant_id=merchant_id, token=row.token)
            elif name == "prefixes" and value is not None:
                row.prefixes = " ".join(value)
            elif name in LIMITS or (name in CHANGEABLE and value is not None):
                setattr(row, name, value)
        row.updated_at = now
        _save(row)
        _audit(row, "changed", actor, now, {"fields": sorted(changes)})
    return row


def pause_account(
    *, merchant_id: int, mode: Mode, account_id: int, reason: str, actor: Actor, now: datetime
) -> ProviderAccount:
    """Nothing more goes through it; what is under way ends by itself."""
    return _set_pause(merchant_id=merchant_id, mode=mode, account_id=account_id, reason=reason, actor=actor, now=now)


def resume_account(*, merchant_id: int, mode: Mode, account_id: int, actor: Actor, now: datetime) -> ProviderAccount:
    return _set_pause(merchant_id=merchant_id, mode=mode, account_id=account_id, reason="", actor=actor, now=now)


def ensure_sandbox_accounts(*, merchant_id: int, mode: Mode = Mode.TEST) -> tuple[Account, ...]:
    """A sandbox for every channel that has no account. In live mode only a demonstration wants this."""
    found = selectors.accounts(merchant_id=merchant_id, mode=mode)
    return selectors.with_sandboxes(found, merchant_id=merchant_id, mode=mode)


def reseal_accounts(*, batch: int = 200) -> int:
    """After a new first key in ENCRYPTION_KEYS: seal everything with it, so that the old one can be taken away."""
    keys, resealed, last = selectors.key_ring(), 0, 0
    while True:
        with transaction.atomic():
            rows = list(ProviderAccount.objects.select_for_update().filter(id__gt=last).order_by("id")[:batch])
            for row in rows:
                where = place(row.merchant_id, row.token)
                if keys.outdated(bytes(row.config)):
                    row.config = keys.seal(keys.open(bytes(row.config), where), where)
                    row.save(update_fields=["config"])
                    resealed += 1
        if not rows:
            return resealed
        last = rows[-1].id


def create_sender(
    *,
    merchant_id: int,
    mode: Mode,
    channel: str,
    key: str,
    address: str,
    name: str = "",
    reply_to: str = "",
    is_default: bool = False,
) -> Sender:
    """A new default takes the place of the old one."""
    rule = _channel(channel).normalise_sender
    given = {
        "address": _normal("address", address, rule),
        "reply_to": _normal("reply_to", reply_to, rule) if reply_to else "",
    }
    with transaction.atomic():
        mine = Sender.objects.select_for_update().filter(merchant_id=merchant_id, mode=mode.value, channel=channel)
        if mine.filter(key=key).exists():
            raise invalid("key", "taken", f"Another {channel} sender has this key; choose another key.")
        if is_default:
            mine.filter(is_default=True).update(is_default=False)
        return Sender.objects.create(
            merchant_id=merchant_id,
            mode=mode.value,
            channel=channel,
            key=key,
            name=name,
            is_default=is_default,
            **given,
        )


def _channel(key: str) -> Channel:
    found = channels().get(key)
    if found is None:
        raise invalid("channel", "unknown_channel", f"There is no channel {key!r}; known: {', '.join(channels())}.")
    return found


def _adapter(channel: Channel, key: str, mode: Mode) -> type[Provider]:
    known = providers_of(channel.key)
    if key not in known:
        names = ", ".join(sorted(known))
        raise invalid("provider", "unknown_provider", f"{channel.title} has no provider {key!r}; known: {names}.")
    if mode is Mode.TEST and not known[key].capabilities.sandbox:
        raise invalid("provider", "live_only", f"Test mode never reaches a real vendor; {key!r} needs a live key.")
    return known[key]


def _checked(adapter: type[Provider], config: Mapping[str, Any]) -> ProviderConfig:
    try:
        return adapter.Config.model_validate(dict(config))
    except ValidationError as error:
        found = field_errors(error.errors(include_url=False, include_input=False), model=adapter.Config)
        below = [FieldError(f"config.{e.field}".removesuffix(".body"), e.code, e.message) for e in found]
        raise Invalid(f"{below[0].field}: {below[0].message}", errors=tuple(below)) from None


def _normal(field: str, value: str, rule: Callable[[str], str]) -> str:
    try:
        return rule(value)
    except ValueError as error:
        raise invalid(field, "invalid", str(error)) from None


def _save(row: ProviderAccount, *, force_insert: bool = False) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=force_insert)
    except IntegrityError as error:
        if "account_name_once" not in str(error):
            raise
        hint = f"Another {row.channel} account has this name; choose another name."
        raise invalid("name", "taken", hint) from None


def _set_pause(
    *, merchant_id: int, mode: Mode, account_id: int, reason: str, actor: Actor, now: datetime
) -> ProviderAccount:
    with transaction.atomic():
        row = selectors.account_for_update(merchant_id=merchant_id, mode=mode, account_id=account_id)
        if row.paused_reason != reason:
            row.paused_reason, row.updated_at = reason, now
            row.save(update_fields=["paused_reason", "updated_at"])
            _audit(row, "paused" if reason else "resumed", actor, now, {"reason": reason} if reason else {})
    return row


def _audit(row: ProviderAccount, verb: str, actor: Actor, now: datetime, details: dict[str, object]) -> None:
    audit.record(
        merchant_id=row.merchant_id,
        mode=Mode(row.mode),
        actor=actor.name,
        action=f"provider_account.{verb}",
        object_id=row.id,
        now=now,
        request_id=actor.request_id,
        details=details,
    )
