"""Who asks for all this? One merchant with a live key, and an account on each of three channels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection

from techrar.core.mode import Mode
from techrar.merchants.models import Merchant
from techrar.merchants.services import Actor, create_key
from techrar.routing.services import create_account

#: channel -> provider, its settings, its calls in flight per process.
ACCOUNTS = {
    "webhook": ("signed", {"secret": "whsec_bWluZSBpcyBsb25nZXIgYW5kIHNlY3JldCE="}, 8),
    "sms": ("chaos", {}, 8),
    "email": ("chaos", {}, 1),
}
ACTOR = Actor("system:chaos")


@dataclass(frozen=True, slots=True)
class Asker:
    merchant_id: int
    key: str


def make_merchant(slug: str = "chaos") -> Asker:
    """The web process and the consumers find all of it in the database."""
    now = datetime.now(UTC)
    merchant = Merchant.objects.create(slug=slug, name="Chaos")
    for channel, (provider, config, concurrency) in ACCOUNTS.items():
        create_account(
            merchant_id=merchant.id,
            mode=Mode.LIVE,
            channel=channel,
            provider=provider,
            name="sink",
            config=config,
            actor=ACTOR,
            now=now,
            concurrency=concurrency,
        )
    key = create_key(merchant_id=merchant.id, mode=Mode.LIVE, name="chaos", scopes=["send"], actor=ACTOR, now=now)
    connection.close()
    return Asker(merchant.id, key.text)
