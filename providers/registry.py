"""Which channels and providers are there? Those whose files are there, and those that entry points bring."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

from providers.channel import Channel
from techrar.core.errors import ConfigurationError
from techrar.core.registry import Registry, scan

if TYPE_CHECKING:
    from providers.base import Provider

ENTRY_POINTS = "techrar.providers"
PROVIDERS: Registry[type[Provider]] = Registry("provider")
CHANNELS: Registry[Channel] = Registry("channel")


@cache
def load() -> None:
    """Import every channel and vendor once; a duplicate key or a vendor without a channel stops the start."""
    import providers

    for module in scan(providers, ENTRY_POINTS):
        channel = getattr(module, "CHANNEL", None)
        if isinstance(module, ModuleType) and isinstance(channel, Channel):
            CHANNELS.add(channel.key, channel)
    for cls in PROVIDERS.values():
        if cls.channel not in CHANNELS:
            raise ConfigurationError(f"provider {cls.key!r} names channel {cls.channel!r}, which no folder declares")
    safe = {cls.channel for cls in PROVIDERS.values() if cls.capabilities.sandbox}
    for key in CHANNELS:
        if key not in safe:
            raise ConfigurationError(f"channel {key!r} has no sandbox provider, which test mode needs")


def channels() -> Registry[Channel]:
    load()
    return CHANNELS


def channel(key: str) -> Channel:
    return channels()[key]


def providers_of(channel_key: str) -> dict[str, type[Provider]]:
    """Every vendor of a channel by its key."""
    load()
    return {cls.key: cls for cls in PROVIDERS.values() if cls.channel == channel_key}


def provider(channel_key: str, key: str) -> type[Provider] | None:
    """None when this installation does not have it, or no longer."""
    load()
    return PROVIDERS.get(f"{channel_key}.{key}")


def sandbox_of(channel_key: str) -> type[Provider]:
    """The provider that stands in for all others where nothing real may be reached: every channel has one."""
    return next(cls for cls in providers_of(channel_key).values() if cls.capabilities.sandbox)


def longest_timeout() -> float:
    """Seconds that any provider call may take: a lease must be longer."""
    load()
    return max(cls.capabilities.timeout for cls in PROVIDERS.values())
