"""How does the endpoint get what a vendor's receipt points at: a certificate, an address to confirm?

Receipts are handled in a thread of a web process, which has no event loop: each fetch makes one and ends it. That is
rare, because adapters keep certificates and an address is confirmed once.
"""

from __future__ import annotations

import asyncio

from django.conf import settings

from providers.errors import ProviderError
from providers.http import Answer, Network
from techrar.core.errors import Unavailable

TIMEOUT = 5.0  # vendors wait for about 15 seconds


def network() -> Network:
    return Network(allow_private=settings.ALLOW_PRIVATE_TARGETS)


def fetch(url: str) -> bytes:
    """The document, or a problem that makes the vendor send its receipt again later."""
    try:
        answer = asyncio.run(_get(url))
    except ProviderError as error:
        raise _later(str(error)) from error
    if not answer.ok:
        raise _later(f"it answered {answer.status}")
    return answer.body


async def _get(url: str) -> Answer:
    net = network()
    try:
        return await net.request("GET", url, timeout=TIMEOUT)
    finally:
        await net.close()


def _later(why: str) -> Unavailable:
    return Unavailable(f"What the receipt names could not be fetched: {why}.", retry_after=30)
