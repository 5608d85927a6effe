"""Which channels and providers are there? Those whose files are there, and those that entry points bring."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from techrar.core.registry import Registry, scan

if TYPE_CHECKING:
    from providers.base import Provider
    from providers.channel import Channel

PROVIDERS: Registry[type[Provider]] = Registry("provider")
CHANNELS: Registry[Channel] = Registry("channel")


@cache
def load() -> None:
    """Import every channel and vendor once; a duplicate key stops the start."""
    import providers

    scan(providers, "techrar.providers")


def channels() -> Registry[Channel]:
    load()
    return CHANNELS


def provider(channel: str, key: str) -> type[Provider]:
    load()
    return PROVIDERS[f"{channel}.{key}"]
