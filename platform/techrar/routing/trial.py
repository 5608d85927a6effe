"""Does a provider account work? Sends its channel's example through the adapter and tells what was said.

It is not a delivery: nothing is written to the ledger, and no breaker hears of it.
"""

from __future__ import annotations

import asyncio

from django.conf import settings
from uuid_utils.compat import uuid7

from providers.base import Message, Outcome
from providers.http import Network
from providers.registry import channels
from techrar.core.errors import invalid
from techrar.routing import selectors
from techrar.routing.accounts import Account


def send(account: Account, *, to: str | None) -> Outcome:
    """In a web process's thread, which has no event loop: one is made and ended."""
    channel = channels()[account.channel]
    if to is None and not account.sandbox:
        raise invalid("to", "required", "Give an address that the test message may reach.")
    try:
        address = channel.normalise(to) if to is not None else channel.example_address
    except ValueError as error:
        raise invalid("to", "invalid", str(error)) from None
    sender = selectors.sender(merchant_id=account.merchant_id, mode=account.mode, channel=account.channel)
    message = Message(uuid7(), account.channel, address, channel.example_content, sender=sender)
    return asyncio.run(_send(account, message))


async def _send(account: Account, message: Message) -> Outcome:
    net = Network(allow_private=settings.ALLOW_PRIVATE_TARGETS)
    try:
        provider = account.connect(selectors.key_ring(), net)
        try:
            (outcome,) = await provider.deliver([message])
        finally:
            await provider.close()
    finally:
        await net.close()
    return outcome
